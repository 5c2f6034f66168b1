/* Bends two things around a function's own binary, which stays as it is deployed: the time, and what lies outside this machine.
 *
 * Loaded before the C library. The wall clock is ahead by the milliseconds that the file BENT_CLOCK holds; a connection to an address
 * that is not this machine's own goes to the port BENT_OUTSIDE here. Must not know what the function does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead_ms;
static uint16_t outside;

__attribute__((constructor)) static void bend(void) {
    const char *clock = getenv("BENT_CLOCK");
    const char *port = getenv("BENT_OUTSIDE");
    int file = clock ? open(clock, O_RDONLY | O_CLOEXEC) : -1;
    if (file >= 0) {
        void *page = mmap(NULL, sizeof *ahead_ms, PROT_READ, MAP_SHARED, file, 0);
        if (page != MAP_FAILED) ahead_ms = page;
        close(file);
    }
    if (!ahead_ms || !port) abort();
    outside = (uint16_t)atoi(port);
}

int clock_gettime(clockid_t id, struct timespec *at) {
    long failed = syscall(SYS_clock_gettime, id, at);
    if (!failed && id == CLOCK_REALTIME && ahead_ms) {
        int64_t ahead = *ahead_ms;
        int64_t nanos = at->tv_nsec + ahead % 1000 * 1000000;
        int64_t carry = nanos < 0 ? -1 : nanos / 1000000000;
        at->tv_sec += ahead / 1000 + carry;
        at->tv_nsec = nanos - carry * 1000000000;
    }
    return (int)failed;
}

int connect(int socket, const struct sockaddr *to, socklen_t length) {
    struct sockaddr_in here;
    if (to->sa_family == AF_INET && length >= sizeof here) {
        memcpy(&here, to, sizeof here);
        if (ntohl(here.sin_addr.s_addr) >> 24 != 127) {
            here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            here.sin_port = htons(outside);
            return (int)syscall(SYS_connect, socket, &here, sizeof here);
        }
    }
    return (int)syscall(SYS_connect, socket, to, length);
}
