/*
 * random.h - numbers that depend on a seed and on what they are for, not on who asked before.
 *
 * Philox4x32-10: the block of four 32-bit words at a 128-bit counter under a 64-bit key
 * (J. Salmon, M. Moraes, R. Dror, D. Shaw: Parallel Random Numbers: As Easy as 1, 2, 3,
 * SC 2011).  A counter-based generator, because the transactions of any customer on any day
 * must be drawn again, out of order, when that customer's card data leaks (fraud.c).
 *
 * Only additions, multiplications, divisions and square roots, which IEEE 754 rounds in one
 * way: log and exp are computed here, for those of libm differ between its versions and
 * between CPUs, and a seed must give the same bytes everywhere.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef RW_SIMULATE_RANDOM_H
#define RW_SIMULATE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* No two purposes share a number. */
enum rw_random_purpose {
    RW_RANDOM_CUSTOMER,   /* a: customer */
    RW_RANDOM_TERMINAL,   /* a: terminal */
    RW_RANDOM_DAY,        /* a: customer, b: day */
    RW_RANDOM_COMPROMISE, /* a: day */
    RW_RANDOM_LEAK        /* a: day */
};

struct rw_random {
    uint32_t key[2], counter[4];
    uint64_t ready[2]; /* words of the last block */
    uint32_t n_ready;
};

void rw_random_start(struct rw_random *random, uint64_t seed, enum rw_random_purpose purpose,
                     uint32_t a, uint32_t b);
/* 64 random bits. */
uint64_t rw_random_bits(struct rw_random *random);
/* At least 0, less than 1: a multiple of 2^-53. */
double rw_random_unit(struct rw_random *random);
/* 0 to n - 1; n > 0.  Off from even by less than n / 2^32. */
uint32_t rw_random_below(struct rw_random *random, uint32_t n);
/* Two independent numbers of the normal distribution of mean 0 and deviation 1. */
void rw_random_normals(struct rw_random *random, double normals[2]);

/* 4 a day is the most that a customer's mean can be: more than 32 come with a probability
 * below 2^-53, the step of rw_random_unit. */
#define RW_POISSON_MAX 32u
/* Poisson distribution of mean `rate`, at most 4; `none` is rw_exp_minus(rate). */
uint32_t rw_random_poisson(struct rw_random *random, double rate, double none);

/* exp(-x) for 0 <= x <= 4, and log(x) for normal x > 0: within a few units in the last place
 * of the largest summand. */
double rw_exp_minus(double x);
double rw_ln(double x);

/* The generator itself, to be tested against its authors' vectors. */
void rw_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t block[4]);

#endif
