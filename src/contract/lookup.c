/*
 * lookup.c - property names to property numbers.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "contract/schema.h"

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 32);
}

/* Eight bytes a step; the last step overlaps the one before, or reads what there is. */
uint64_t rw_hash_bytes(const char *bytes, size_t length) {
    uint64_t hash = length, word = 0;
    if (length < sizeof word) {
        memcpy(&word, bytes, length);
        return mix(hash, word);
    }
    for (size_t i = 0; i + sizeof word < length; i += sizeof word) {
        memcpy(&word, bytes + i, sizeof word);
        hash = mix(hash, word);
    }
    memcpy(&word, bytes + length - sizeof word, sizeof word);
    return mix(hash, word);
}

bool rw_lookup_init(struct rw_contract *contract) {
    uint32_t size = 4;
    while (size < 2 * contract->n_properties)
        size *= 2;
    contract->lookup.mask = size - 1;
    contract->lookup.slots = rw_arena_alloc(&contract->arena, size, sizeof(uint32_t));
    if (!contract->lookup.slots)
        return false;
    for (uint32_t i = 0; i < contract->n_properties; i++) {
        const struct rw_property *property = &contract->properties[i];
        uint32_t slot = (uint32_t)rw_hash_bytes(property->name, property->length);
        while (contract->lookup.slots[slot & contract->lookup.mask])
            slot++;
        contract->lookup.slots[slot & contract->lookup.mask] = i + 1;
    }
    return true;
}

uint32_t rw_lookup_find(const struct rw_contract *contract, const char *name, size_t length) {
    const struct rw_lookup *lookup = &contract->lookup;
    if (length > RW_PROPERTY_NAME_MAX)
        return RW_NO_PROPERTY; /* no property is that long: do not hash megabytes */
    for (uint32_t slot = (uint32_t)rw_hash_bytes(name, length);; slot++) {
        uint32_t index = lookup->slots[slot & lookup->mask];
        if (index == 0)
            return RW_NO_PROPERTY;
        const struct rw_property *property = &contract->properties[index - 1];
        if (property->length == length && memcmp(property->name, name, length) == 0)
            return index - 1;
    }
}
