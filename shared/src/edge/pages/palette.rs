//! Colours of a page, made from the one colour that a business chooses.
//!
//! The chosen colour may be anything from navy to lemon, and pages are shown on light and on dark. Buttons are filled with it as it is;
//! their rims and all text in it are darkened or lightened, as little as needed, until they can be seen and read. The rest of the
//! palette stands in `templates/style.css`.

use std::fmt;

/// Contrast that text needs (WCAG 2.2, 1.4.3).
const TEXT: f64 = 4.5;
/// Contrast that the shape of a button needs (WCAG 2.2, 1.4.11).
const SHAPE: f64 = 3.0;
/// The darkest light ground and the lightest dark ground of `style.css`: what holds there holds on the others.
const LIGHT_GROUND: Rgb = Rgb([0xef, 0xed, 0xe8]);
const DARK_GROUND: Rgb = Rgb([0x27, 0x2e, 0x2b]);
const BLACK: Rgb = Rgb([0; 3]);
const WHITE: Rgb = Rgb([0xff; 3]);
/// Where the chosen colour is no colour. The checker refuses such a site; nothing but a colour gets into a style all the same.
const FALLBACK: Rgb = Rgb([0x1f, 0x5f, 0xbf]);

/// A colour, shown as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rgb([u8; 3]);

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

/// The accent as it is used on one ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tones {
    /// Buttons: the accent itself.
    pub fill: Rgb,
    /// Text on buttons.
    pub on_fill: Rgb,
    /// Rims of buttons, rules.
    pub rim: Rgb,
    /// Links and the focus ring.
    pub link: Rgb,
}

/// The accent on light and on dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Palette {
    /// On light.
    pub light: Tones,
    /// On dark.
    pub dark: Tones,
}

impl Palette {
    /// The palette of an accent written as `#rrggbb`.
    pub(super) fn of(accent: &str) -> Self {
        let accent = parse(accent).unwrap_or(FALLBACK);
        let on_fill = if contrast(accent, WHITE) >= TEXT {
            WHITE
        } else {
            BLACK
        };
        let tones = |toward, ground| Tones {
            fill: accent,
            on_fill,
            rim: accent.until(SHAPE, toward, ground),
            link: accent.until(TEXT, toward, ground),
        };
        Self {
            light: tones(BLACK, LIGHT_GROUND),
            dark: tones(WHITE, DARK_GROUND),
        }
    }
}

impl Rgb {
    /// This colour, moved `toward` another only as far as the contrast with `ground` needs.
    fn until(self, least: f64, toward: Self, ground: Self) -> Self {
        (0..=100)
            .map(|percent| self.mixed(toward, percent))
            .find(|mixed| contrast(*mixed, ground) >= least)
            .unwrap_or(toward)
    }

    fn mixed(self, with: Self, percent: u16) -> Self {
        let channel = |i: usize| {
            let sum = u16::from(self.0[i]) * (100 - percent) + u16::from(with.0[i]) * percent;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        Self([channel(0), channel(1), channel(2)])
    }
}

fn parse(text: &str) -> Option<Rgb> {
    let digits = text
        .strip_prefix('#')
        .filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some(Rgb([r, g, b]))
}

/// Contrast ratio by WCAG 2.2, from 1 to 21.
fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(colour: Rgb) -> f64 {
    let [r, g, b] = colour.0.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_accent_can_be_read_on_light_and_on_dark() {
        for accent in [
            "#000000", "#ffffff", "#ffe600", "#0a1a3a", "#a8401a", "#00ff00", "#ff0000", "#808080",
            "#12342c",
        ] {
            let palette = Palette::of(accent);
            for (tones, ground) in [(palette.light, LIGHT_GROUND), (palette.dark, DARK_GROUND)] {
                assert!(contrast(tones.link, ground) >= TEXT, "{accent} {tones:?}");
                assert!(contrast(tones.rim, ground) >= SHAPE, "{accent} {tones:?}");
                assert!(
                    contrast(tones.fill, tones.on_fill) >= TEXT,
                    "{accent} {tones:?}"
                );
            }
        }
    }

    #[test]
    fn an_accent_that_can_be_read_is_left_as_it_is() {
        let light = Palette::of("#A8401A").light;
        assert_eq!(light.rim.to_string(), "#a8401a");
        assert_eq!(light.link.to_string(), "#a8401a");
        assert_eq!(light.on_fill, WHITE);
    }

    #[test]
    fn frm_9_what_is_no_colour_never_gets_into_a_style() {
        for text in [
            "red",
            "#fff",
            "#12345",
            "#1234567",
            "#+12345",
            "}</style>",
            "",
        ] {
            assert_eq!(Palette::of(text), Palette::of("#1f5fbf"), "{text}");
        }
    }
}
