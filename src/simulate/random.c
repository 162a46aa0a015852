/*
 * random.c - Philox4x32-10, and the distributions that the simulation draws from.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "simulate/random.h"

#include <math.h>
#include <string.h>

/* ---- the generator ------------------------------------------------------------------------ */

#define ROUNDS       10
#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define WEYL_0       0x9E3779B9u /* the golden ratio */
#define WEYL_1       0xBB67AE85u /* sqrt(3) - 1 */

void rw_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t block[4]) {
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    uint32_t key_0 = key[0], key_1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t product_0 = (uint64_t)MULTIPLIER_0 * x0, product_1 = (uint64_t)MULTIPLIER_1 * x2;
        x0 = (uint32_t)(product_1 >> 32) ^ x1 ^ key_0;
        x2 = (uint32_t)(product_0 >> 32) ^ x3 ^ key_1;
        x1 = (uint32_t)product_1;
        x3 = (uint32_t)product_0;
        key_0 += WEYL_0;
        key_1 += WEYL_1;
    }
    block[0] = x0, block[1] = x1, block[2] = x2, block[3] = x3;
}

void rw_random_start(struct rw_random *random, uint64_t seed, enum rw_random_purpose purpose,
                     uint32_t a, uint32_t b) {
    *random = (struct rw_random){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                                 .counter = {0, a, b, (uint32_t)purpose}};
}

static void draw_block(struct rw_random *random) {
    uint32_t block[4];
    rw_philox(random->counter, random->key, block);
    random->counter[0]++;
    random->ready[1] = (uint64_t)block[1] << 32 | block[0];
    random->ready[0] = (uint64_t)block[3] << 32 | block[2];
    random->n_ready = 2;
}

uint64_t rw_random_bits(struct rw_random *random) {
    if (random->n_ready == 0)
        draw_block(random);
    return random->ready[--random->n_ready];
}

/* ---- log and exp ---------------------------------------------------------------------------- */

#define LOG_2           0x1.62e42fefa39efp-1
#define SQRT_2          0x1.6a09e667f3bcdp+0
#define MANTISSA_BITS   52
#define EXPONENT_BIAS   1023
#define EXP_HALVINGS    4 /* x / 16 <= 1/4: 14 terms are enough */
#define EXP_TERMS       14
#define LOG_ODD_LARGEST 21 /* s <= 0.172: s^22 / 23 is lost behind 1 */

double rw_exp_minus(double x) {
    double small = -x / (1 << EXP_HALVINGS), sum = 1.0;
    for (int term = EXP_TERMS; term > 0; term--)
        sum = 1.0 + sum * small / term;
    for (int i = 0; i < EXP_HALVINGS; i++)
        sum *= sum;
    return sum;
}

/* x = m * 2^e with m around 1; log(m) = 2 artanh(s) = 2 (s + s^3/3 + s^5/5 ...). */
double rw_ln(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> MANTISSA_BITS) - EXPONENT_BIAS;
    bits = (bits & ((UINT64_C(1) << MANTISSA_BITS) - 1)) | (uint64_t)EXPONENT_BIAS << MANTISSA_BITS;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > SQRT_2) {
        m /= 2;
        exponent++;
    }
    double s = (m - 1.0) / (m + 1.0), square = s * s, sum = 0.0;
    for (int odd = LOG_ODD_LARGEST; odd > 0; odd -= 2)
        sum = sum * square + 1.0 / odd;
    return exponent * LOG_2 + 2.0 * s * sum;
}

/* ---- distributions --------------------------------------------------------------------------- */

double rw_random_unit(struct rw_random *random) {
    return (double)(rw_random_bits(random) >> 11) * 0x1p-53;
}

uint32_t rw_random_below(struct rw_random *random, uint32_t n) {
    return (uint32_t)((rw_random_bits(random) >> 32) * n >> 32);
}

/* The polar method: G. Marsaglia, T. Bray: A Convenient Method for Generating Normal
 * Variables, SIAM Review 6 (1964). */
void rw_random_normals(struct rw_random *random, double normals[2]) {
    double u, v, square;
    do {
        u = 2.0 * rw_random_unit(random) - 1.0;
        v = 2.0 * rw_random_unit(random) - 1.0;
        square = u * u + v * v;
    } while (square >= 1.0 || square == 0.0);
    double factor = sqrt(-2.0 * rw_ln(square) / square);
    normals[0] = u * factor;
    normals[1] = v * factor;
}

/* Inversion: the first count whose cumulated probability is beyond one uniform number. */
uint32_t rw_random_poisson(struct rw_random *random, double rate, double none) {
    double unit = rw_random_unit(random), probability = none, sum = none;
    uint32_t count = 0;
    while (unit >= sum && count < RW_POISSON_MAX) {
        count++;
        probability *= rate / count;
        sum += probability;
    }
    return count;
}
