/*
 * values.c - texts of the user, checked: none of them can end or begin anything in nginx.conf.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/parts.h"

#define LETTERS_DIGITS   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define DIGITS           "0123456789"
#define HOST_MAX         253 /* bytes of a host's name */
#define ADDRESS_MAX      64  /* bytes of an address with brackets or a length of its prefix */
#define SIZE_DIGITS      9
#define DECIMALS         4
#define PERCENT_DECIMALS 2

/* ---- paths ------------------------------------------------------------------------------- */

/* What nginx would read as a variable, a quote or the end of a line. */
static bool is_harmless(const char *path) {
    for (const char *at = path; *at; at++)
        if (strchr("\"$\\;{}", *at) || iscntrl((unsigned char)*at))
            return false;
    return true;
}

/* Links stay links.  NULL: no memory, or nobody knows where we are. */
static char *absolute(const char *path) {
    char *whole = NULL, *here = *path == '/' ? strdup("") : getcwd(NULL, 0);
    if (here && asprintf(&whole, "%s%s%s", here, *path == '/' ? "" : "/", path) < 0)
        whole = NULL;
    free(here);
    size_t length = whole ? strlen(whole) : 0;
    while (length > 1 && whole[length - 1] == '/')
        whole[--length] = '\0';
    return whole;
}

rowan_status rw_take_path(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error) {
    (void)setting;
    char *path = absolute(value);
    if (!path)
        return rw_fail(error, ROWAN_IO, source, "write it from the root on", "%s: no such place",
                       value);
    if (!is_harmless(path) || strlen(path) >= PATH_MAX) {
        free(path);
        return rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                       "%s: the path must have none of \" $ \\ ; { } and no control character, "
                       "and fewer than %d bytes",
                       value, PATH_MAX);
    }
    *(char **)field = path;
    return ROWAN_OK;
}

rowan_status rw_take_file(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error) {
    rowan_status status = rw_take_path(setting, value, source, field, error);
    if (status != ROWAN_OK || access(*(char **)field, R_OK) == 0)
        return status;
    return rw_fail(error, ROWAN_ARGUMENT, source, NULL, "%s: %s", *(char **)field,
                   errno == ENOENT ? "no such file" : "it cannot be read");
}

/* ---- addresses --------------------------------------------------------------------------- */

static bool is_ip(int family, const char *text) {
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(family, text, address) == 1;
}

/* With brackets or without. */
static bool is_ipv6(const char *text) {
    char bare[ADDRESS_MAX];
    const size_t length = strlen(text);
    if (*text != '[')
        return is_ip(AF_INET6, text);
    if (length < 2 || length >= sizeof bare || text[length - 1] != ']')
        return false;
    memcpy(bare, text + 1, length - 2);
    bare[length - 2] = '\0';
    return is_ip(AF_INET6, bare);
}

static bool is_host_name(const char *text) {
    return isalnum((unsigned char)*text) && strlen(text) <= HOST_MAX &&
           text[strspn(text, LETTERS_DIGITS ".-")] == '\0';
}

rowan_status rw_take_host(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error) {
    (void)setting;
    if (!is_host_name(value) && !is_ipv6(value))
        return rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                       "'%s' must be an IPv4 address, an IPv6 address or a host name", value);
    return rw_store_text(value, source, field, error);
}

rowan_status rw_take_port(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error) {
    if (strstr(value, "://"))
        return rw_fail(error, ROWAN_ARGUMENT, source,
                       "say enableServiceLinks: false in the pod, or set the variable yourself",
                       "'%s' is what Kubernetes sets for a service of the name \"api\"", value);
    return rw_take_number(setting, value, source, field, error);
}

/* An address, or a network as 10.0.0.0/8. */
static bool is_network(char *text) {
    char *slash = strchr(text, '/');
    if (slash)
        *slash++ = '\0';
    const bool is_four = is_ip(AF_INET, text);
    if (!is_four && !is_ip(AF_INET6, text))
        return false;
    if (!slash)
        return true;
    const size_t length = strlen(slash);
    return length > 0 && length <= 3 && strspn(slash, DIGITS) == length &&
           atoi(slash) <= (is_four ? 32 : 128);
}

rowan_status rw_take_proxies(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error) {
    (void)setting;
    static const char separators[] = ", \t";
    for (const char *at = value + strspn(value, separators); *at; at += strspn(at, separators)) {
        char one[ADDRESS_MAX];
        const size_t length = strcspn(at, separators);
        const size_t kept = length < sizeof one ? length : 0;
        memcpy(one, at, kept);
        one[kept] = '\0';
        if (!is_network(one))
            return rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                           "'%.*s' must be an address or a network, as 10.0.0.0/8", (int)length,
                           at);
        at += length;
    }
    return rw_store_text(value, source, field, error);
}

/* ---- others ---------------------------------------------------------------------------------- */

rowan_status rw_take_environment(const struct rw_setting *setting, const char *value,
                                 const char *source, void *field, rowan_error *error) {
    (void)setting;
    if (strlen(value) > RW_SERVE_ENVIRONMENT_MAX || value[strspn(value, LETTERS_DIGITS "_.-")])
        return rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                       "'%s' must be 1 to %u letters, digits, '_', '.' or '-'", value,
                       RW_SERVE_ENVIRONMENT_MAX);
    return rw_store_text(value, source, field, error);
}

rowan_status rw_take_size(const struct rw_setting *setting, const char *value, const char *source,
                          void *field, rowan_error *error) {
    (void)setting;
    const size_t digits = strspn(value, DIGITS);
    const char *unit = value + digits;
    const bool has_unit = *unit && strchr("kKmM", *unit);
    if (digits == 0 || digits > SIZE_DIGITS || *value == '0' || unit[has_unit])
        return rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                       "'%s' must be a size in bytes, or in kilobytes (512k) or megabytes (8m)",
                       value);
    return rw_store_text(value, source, field, error);
}

/* "0", "5", "0.25", "100": without an exponent, and without a loss. */
rowan_status rw_take_percent(const struct rw_setting *setting, const char *value,
                             const char *source, void *field, rowan_error *error) {
    (void)setting;
    const size_t whole = strspn(value, DIGITS);
    const char *decimals = value[whole] == '.' ? value + whole + 1 : value + whole;
    const size_t length = strlen(decimals);
    bool is_good = whole > 0 && whole <= 3 && length <= PERCENT_DECIMALS &&
                   (value[whole] == '.' ? length > 0 : length == 0) &&
                   strspn(decimals, DIGITS) == length;
    uint32_t number = 0, unit = 100;
    for (size_t i = 0; i < whole && is_good; i++)
        number = number * 10 + (uint32_t)(value[i] - '0') * 100;
    for (size_t i = 0; i < length && is_good; i++)
        number += (uint32_t)(decimals[i] - '0') * (unit /= 10);
    if (!is_good || number > RW_SERVE_SAMPLE_ALL)
        return rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                       "'%s' must be a percentage from 0 to 100, with at most %d decimals", value,
                       PERCENT_DECIMALS);
    *(uint32_t *)field = number;
    return ROWAN_OK;
}

/* "0", "1", "0.25": without an exponent, and without a loss. */
rowan_status rw_take_fraction(const struct rw_setting *setting, const char *value,
                              const char *source, void *field, rowan_error *error) {
    (void)setting;
    const char *decimals = value + 1 + (value[0] && value[1] == '.');
    const size_t length = value[0] ? strlen(decimals) : 0;
    uint32_t number = *value == '1' ? RW_SERVE_SAMPLE_ALL : 0, unit = RW_SERVE_SAMPLE_ALL;
    bool is_good = (*value == '0' || *value == '1') && length <= DECIMALS &&
                   (value[1] == '.' ? length > 0 : length == 0) &&
                   strspn(decimals, DIGITS) == length;
    for (size_t i = 0; i < length && is_good; i++)
        number += (uint32_t)(decimals[i] - '0') * (unit /= 10);
    if (!is_good || number > RW_SERVE_SAMPLE_ALL)
        return rw_fail(error, ROWAN_ARGUMENT, source, NULL,
                       "'%s' must be a fraction from 0 to 1, with at most %d decimals", value,
                       DECIMALS);
    *(uint32_t *)field = number;
    return ROWAN_OK;
}
