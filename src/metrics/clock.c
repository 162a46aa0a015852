/*
 * clock.c - monotonic nanoseconds from the CPU's own counter.
 *
 * A request reads the clock four times, and clock_gettime alone would take half of what
 * its metrics may cost.  Where the kernel itself keeps time by the counter, it is fit for
 * durations: the line (anchor, rate) turns ticks into nanoseconds.  rw_clock_tick bends the
 * line at the present point, so that the clock follows CLOCK_MONOTONIC and never steps.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "metrics/metrics.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define NS_PER_SECOND  1000000000u
#define RATE_BITS      32       /* of the fraction of a rate */
#define FIRST_NS       2000000u /* the first measurement of the rate */
#define ROUNDING_NS    2
#define SHORTEST_NS    100000000u /* less tells nothing new */
#define STEEPEST       1e-3       /* of the rate: how fast an offset is walked off */
#define WALK_OFF_NS    1e9        /* over about one tick */
#define BROKEN         1e-2       /* a rate that is so far off: the counter is no clock */
#define LARGEST_LAG_NS 10000000   /* beyond it, a machine that slept: not walked off */

/* Nanoseconds = base + (ticks - anchor) * rate / 2^32. Written by one thread under an
 * even-odd count, so that any thread may read. */
static struct {
    uint32_t version;
    bool counts; /* the counter is in use */
    uint64_t anchor, base, rate;
} line;

/* Of the thread that calibrates. */
static struct {
    uint64_t ticks, ns; /* at the start */
    int64_t offset;     /* of the clock to CLOCK_MONOTONIC that is let be */
    double rate;
    bool done;
} start;

static uint64_t kernel_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

/* ---- the counter ------------------------------------------------------------------------ */

#if defined(__x86_64__)

static inline uint64_t counter(void) {
    return __builtin_ia32_rdtsc();
}

static bool kernel_trusts_it(void) {
    static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    char name[16] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, name, sizeof name - 1);
    close(fd);
    return n > 0 && strcmp(name, "tsc\n") == 0;
}

static bool has_counter(void) {
    unsigned a, b, c, d;
    bool invariant = __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 1u << 8);
    return invariant && kernel_trusts_it();
}

#elif defined(__aarch64__)

static inline uint64_t counter(void) {
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}

static bool has_counter(void) {
    return true; /* the architecture's own clock, and the only one that Linux has there */
}

#else

static inline uint64_t counter(void) {
    return 0;
}

static bool has_counter(void) {
    return false;
}

#endif

/* Both clocks at one moment: the tightest of a few tries. */
static void read_both(uint64_t *ticks, uint64_t *ns) {
    uint64_t tightest = UINT64_MAX;
    for (int i = 0; i < 5; i++) {
        uint64_t before = counter(), now = kernel_ns(), after = counter();
        if (after - before < tightest) {
            tightest = after - before;
            *ticks = before + (after - before) / 2;
            *ns = now;
        }
    }
}

/* ---- the line ----------------------------------------------------------------------------- */

static inline uint64_t on_line(uint64_t ticks, uint64_t anchor, uint64_t base, uint64_t rate) {
    int64_t passed = (int64_t)(ticks - anchor);
    if (passed < 0)
        return base; /* a core whose counter lags behind */
    return base + (uint64_t)((unsigned __int128)(uint64_t)passed * rate >> RATE_BITS);
}

static void set_line(bool counts, uint64_t anchor, uint64_t base, uint64_t rate) {
    uint32_t version = line.version;
    __atomic_store_n(&line.version, version + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    __atomic_store_n(&line.counts, counts, __ATOMIC_RELAXED);
    __atomic_store_n(&line.anchor, anchor, __ATOMIC_RELAXED);
    __atomic_store_n(&line.base, base, __ATOMIC_RELAXED);
    __atomic_store_n(&line.rate, rate, __ATOMIC_RELAXED);
    __atomic_store_n(&line.version, version + 2, __ATOMIC_RELEASE);
}

static uint64_t fixed(double rate) {
    return (uint64_t)(rate * (double)(1ull << RATE_BITS) + 0.5);
}

/* Without a counter, base is what is added to CLOCK_MONOTONIC. */
uint64_t rw_clock_ns(void) {
    for (;;) {
        uint32_t version = __atomic_load_n(&line.version, __ATOMIC_ACQUIRE);
        bool counts = __atomic_load_n(&line.counts, __ATOMIC_RELAXED);
        uint64_t anchor = __atomic_load_n(&line.anchor, __ATOMIC_RELAXED);
        uint64_t base = __atomic_load_n(&line.base, __ATOMIC_RELAXED);
        uint64_t rate = __atomic_load_n(&line.rate, __ATOMIC_RELAXED);
        uint64_t ticks = counts ? counter() : 0;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if ((version & 1) || __atomic_load_n(&line.version, __ATOMIC_RELAXED) != version)
            continue;
        return counts ? on_line(ticks, anchor, base, rate) : base + kernel_ns();
    }
}

/* ---- calibration ---------------------------------------------------------------------------- */

void rw_clock_init(void) {
    if (start.done || !has_counter())
        return; /* a child of fork has the line of its parent, and the same counter */
    start.done = true;
    uint64_t ticks = 0, ns = 0;
    read_both(&start.ticks, &start.ns);
    do
        read_both(&ticks, &ns);
    while (ns - start.ns < FIRST_NS);
    start.rate = (double)(ns - start.ns) / (double)(ticks - start.ticks);
    /* What was read before came from the kernel's clock: go on there, not before it. */
    set_line(true, ticks, ns, fixed(start.rate));
}

/* At this very moment: what others read from the old line meanwhile lies at most rounding
 * beyond the new one, which starts that much later. */
static void bend_line(uint64_t rate) {
    uint64_t ticks = counter();
    uint64_t now = on_line(ticks, line.anchor, line.base, line.rate);
    if (ticks > line.anchor)
        set_line(true, ticks, now + ROUNDING_NS, rate);
}

/* The counter is no clock any more (a machine that moved, a kernel that lost trust). */
static void give_up(uint64_t now, uint64_t ns) {
    set_line(false, 0, now - ns, 0);
}

void rw_clock_tick(void) {
    if (!line.counts)
        return;
    uint64_t ticks = 0, ns = 0;
    read_both(&ticks, &ns);
    uint64_t now = on_line(ticks, line.anchor, line.base, line.rate);
    if (ns - start.ns < SHORTEST_NS || ticks <= line.anchor)
        return;
    double rate = (double)(ns - start.ns) / (double)(ticks - start.ticks);
    if (rate < start.rate * (1 - BROKEN) || rate > start.rate * (1 + BROKEN)) {
        give_up(now, ns);
        return;
    }
    int64_t lag = (int64_t)(ns - now) + start.offset;
    if (lag > LARGEST_LAG_NS || lag < -LARGEST_LAG_NS) {
        start.offset -= lag;
        lag = 0;
    }
    double bend = (double)lag / WALK_OFF_NS;
    bend = bend > STEEPEST ? STEEPEST : bend < -STEEPEST ? -STEEPEST : bend;
    bend_line(fixed(rate * (1 + bend)));
}
