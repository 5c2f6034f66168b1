"""The arithmetic behind every figure of the guide, in one place, so that text, tables and charts cannot disagree.

Physics: a heat pump reaches about half of what Carnot's formula allows. Prices are examples; readers put in their own.
"""

from dataclasses import dataclass

KELVIN = 273.15
# Share of the theoretical best that a good industrial machine reaches.
QUALITY = 0.5
# Efficiency of the boiler that the heat pump replaces.
BOILER = 0.88
# Tonnes of CO2 in a megawatt-hour: of natural gas burnt, and of power from the grid.
CO2_GAS = 0.202
CO2_POWER = 0.25


def cop(source_c: float, sink_c: float) -> float:
    """Heat delivered for each unit of power, between two temperatures in degrees Celsius."""
    return QUALITY * (sink_c + KELVIN) / (sink_c - source_c)


def break_even(cop_value: float) -> float:
    """The ratio of power price to gas price at which heat from both costs the same."""
    return cop_value / BOILER


@dataclass(frozen=True)
class Example:
    """A dairy that heats water for cleaning and pasteurising with heat from its own cooling plant."""

    heat_mw: float = 1.2
    hours: int = 6000
    source_c: int = 30
    sink_c: int = 90
    power_price: float = 105.0
    gas_price: float = 45.0
    co2_price: float = 75.0
    upkeep: float = 18_000.0
    invest_per_kw: float = 720.0
    grant: float = 0.25

    @property
    def heat(self) -> float:
        return self.heat_mw * self.hours

    @property
    def cop(self) -> float:
        return cop(self.source_c, self.sink_c)

    @property
    def power(self) -> float:
        return self.heat / self.cop

    @property
    def gas(self) -> float:
        return self.heat / BOILER

    @property
    def gas_with_co2(self) -> float:
        return self.gas_price + CO2_GAS * self.co2_price

    @property
    def cost_before(self) -> float:
        return self.gas * self.gas_with_co2

    @property
    def cost_after(self) -> float:
        return self.power * self.power_price + self.upkeep

    @property
    def saving(self) -> float:
        return self.cost_before - self.cost_after

    @property
    def invest(self) -> float:
        return self.heat_mw * 1000 * self.invest_per_kw

    @property
    def own_share(self) -> float:
        return self.invest * (1 - self.grant)

    @property
    def payback(self) -> float:
        return self.own_share / self.saving

    @property
    def co2_saved(self) -> float:
        return self.gas * CO2_GAS - self.power * CO2_POWER
