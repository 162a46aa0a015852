/*
 * `rowan serve`: values that nginx could misread are refused, typing errors are named, quotas of
 * cgroups are CPUs, and the template is filled in.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings_fixture.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "serve/parts.h"

static char folder[] = "/tmp/rowan-test-serve.XXXXXX";

#define VARIABLES(...) ((char *[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

/* `name` below the folder, with the folders that it is in. */
static const char *write_file(const char *name, const char *text) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (char *at = path + strlen(folder) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        mkdir(path, 0755);
        *at = '/';
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    write_file("share/conf/rowan.conf.in", "@LISTEN@");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* With a share folder; variables end with NULL. */
static rowan_status read_settings(char *const *variables, struct rw_serve_settings *settings,
                                  rowan_error *error) {
    char share[128], *environment[16] = {share};
    snprintf(share, sizeof share, "ROWAN_SHARE_DIR=%s/share", folder);
    for (int n = 1; *variables; n++)
        environment[n] = *variables++;
    memset(error, 0, sizeof *error);
    return rw_serve_settings_read(environment, settings, error);
}

static struct rw_serve_settings read_good(char *const *variables) {
    struct rw_serve_settings settings;
    rowan_error error;
    if (read_settings(variables, &settings, &error) != ROWAN_OK)
        fail_msg("%s: %s", error.where, error.what);
    return settings;
}

static void assert_refused(char *const *variables, const char *where, const char *says) {
    struct rw_serve_settings settings;
    rowan_error error;
    assert_int_equal(read_settings(variables, &settings, &error), ROWAN_ARGUMENT);
    assert_string_equal(error.where, where);
    assert_says(&error, says);
}

/* ---- settings --------------------------------------------------------------------------- */

static void what_nobody_sets_has_its_default(void **state) {
    (void)state;
    char host[300] = "", here[512], model[600];
    gethostname(host, sizeof host - 1);
    snprintf(model, sizeof model, "%s/models/fraud", getcwd(here, sizeof here));
    struct rw_serve_settings settings =
        read_good(VARIABLES("API_PORT=", "TLS_KEY=", "WORKERS=", "API_PROT=", "ROWAN_BUILD_DIR=b"));
    assert_string_equal(settings.api_host, "127.0.0.1");
    assert_int_equal(settings.api_port, 8000);
    assert_string_equal(settings.model_dir, model);
    assert_string_equal(settings.environment, "development");
    assert_string_equal(settings.instance, host);
    assert_int_equal(settings.log_level, 6);
    assert_int_equal(settings.access_log, 0);
    assert_int_equal(settings.access_log_sample, RW_SERVE_SAMPLE_ALL);
    assert_int_equal(settings.rate_limit, 2000);
    assert_int_equal(settings.workers, rw_serve_cpus("/sys/fs/cgroup", "/proc/self/cgroup"));
    assert_string_equal(settings.body_buffer, "8m");
    assert_string_equal(settings.runtime_dir, "/run/rowan");
    assert_string_equal(settings.metrics_dir, "/run/rowan/metrics");
    assert_null(settings.module);
    assert_string_equal(settings.nginx, "nginx");
    rw_serve_settings_free(&settings);
}

static void typing_errors_are_named(void **state) {
    (void)state;
    assert_refused(VARIABLES("API_PROT=80"), "API_PROT", "did you mean API_PORT?");
    assert_refused(VARIABLES("RATE_LIMTI=80"), "RATE_LIMTI", "did you mean RATE_LIMIT?");
    assert_refused(VARIABLES("METRIC_DIR=/x"), "METRIC_DIR", "did you mean METRICS_DIR?");
    assert_refused(VARIABLES("ROWAN_ACCES_LOGS=json"), "ROWAN_ACCES_LOGS", "ROWAN_ACCESS_LOG?");
    assert_refused(VARIABLES("ROWAN_NO_SUCH=1"), "ROWAN_NO_SUCH", "no such setting");
    assert_refused(VARIABLES("ACCESS_LOG=/x"), "ACCESS_LOG", "ROWAN_ACCESS_LOG_FILE=/x");
    struct rw_serve_settings settings = read_good(VARIABLES(
        "KAFKA_THREADZ=1", "MLFLOW_MODEL_NAME=x", "PATH=/bin", "ROWAN_SERVICE_HOST=1",
        "ROWAN_PORT_80_TCP=tcp://1:80", "PORT=1", "no equals sign", "=", "TASKS10_API=x"));
    rw_serve_settings_free(&settings);
}

static void a_service_link_of_kubernetes_is_explained(void **state) {
    (void)state;
    assert_refused(VARIABLES("API_PORT=tcp://10.0.0.1:80"), "API_PORT", "enableServiceLinks");
}

static void settings_that_need_each_other_are_named(void **state) {
    (void)state;
    char file[600], variable[700], other[700];
    snprintf(file, sizeof file, "%s", write_file("pem", "x"));
    assert_refused(VARIABLES("API_KEYS_REQUIRED=1"), "API_KEYS_REQUIRED", "needs API_KEYS");
    assert_refused(VARIABLES("ROWAN_ACCESS_LOG_FILE=/tmp/x"), "ROWAN_ACCESS_LOG_FILE",
                   "needs ROWAN_ACCESS_LOG=json");
    snprintf(variable, sizeof variable, "TLS_CERTIFICATE=%s", file);
    assert_refused(VARIABLES(variable), "TLS_CERTIFICATE", "needs TLS_KEY");
    snprintf(variable, sizeof variable, "TLS_KEY=%s", file);
    assert_refused(VARIABLES(variable), "TLS_KEY", "needs TLS_CERTIFICATE");
    snprintf(other, sizeof other, "TLS_CLIENT_CA=%s", file);
    assert_refused(VARIABLES(other), "TLS_CLIENT_CA", "needs TLS_CERTIFICATE");
}

static void a_path_has_nothing_that_nginx_reads(void **state) {
    (void)state;
    char *const bad[] = {"a\"b", "a$b", "a\\b", "a;b", "a{b", "a}b", "a\nb", "a\x7f"};
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char variable[64];
        snprintf(variable, sizeof variable, "RUNTIME_DIR=/%s", bad[i]);
        assert_refused(VARIABLES(variable), "RUNTIME_DIR", "must have none of");
    }
    struct rw_serve_settings settings = read_good(VARIABLES("RUNTIME_DIR=/a 'b' & c//"));
    assert_string_equal(settings.runtime_dir, "/a 'b' & c");
    rw_serve_settings_free(&settings);
}

static void fractions_are_exact(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t number;
    } good[] = {{"0", 0},          {"1", 10000},   {"0.5", 5000}, {"0.0001", 1},
                {"1.0000", 10000}, {"0.25", 2500}, {"0.0", 0}};
    const char *const bad[] = {"", ".5", "1.", "0.", "1.0001", "0.00001", "2", "-0", "0,5", "1e0"};
    rowan_error error;
    uint32_t number;
    for (size_t i = 0; i < ARRAY_LENGTH(good); i++) {
        assert_int_equal(rw_take_fraction(NULL, good[i].text, "F", &number, &error), ROWAN_OK);
        assert_int_equal(number, good[i].number);
    }
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
        assert_int_equal(rw_take_fraction(NULL, bad[i], "F", &number, &error), ROWAN_ARGUMENT);
}

static void every_row_of_the_table_is_whole(void **state) {
    (void)state;
    assert_rows_are_whole(rw_serve_table, RW_SERVE_N_SETTINGS);
}

static void docs_have_the_table(void **state) {
    (void)state;
    char *table = NULL;
    size_t size;
    FILE *to = open_memstream(&table, &size);
    rw_serve_list_settings(to);
    fclose(to);
    assert_page_has("docs/http.md", table);
    free(table);
}

/* ---- the template ------------------------------------------------------------------------- */

static char *render(char *const *variables, const char *text) {
    struct rw_serve_settings settings = read_good(variables);
    char *filled;
    size_t size;
    rowan_error error;
    assert_int_equal(rw_serve_render(&settings, "user u;", text, &filled, &size, &error), ROWAN_OK);
    assert_int_equal(strlen(filled), size);
    rw_serve_settings_free(&settings);
    return filled;
}

static void assert_renders(char *const *variables, const char *text, const char *expected) {
    char *filled = render(variables, text);
    assert_string_equal(filled, expected);
    free(filled);
}

static void words_are_filled_in(void **state) {
    (void)state;
    assert_renders(VARIABLES("API_PORT=0080", "WORKERS=3"), "<@LISTEN@>\n@WORKERS@@USER@",
                   "<127.0.0.1:80 backlog=4096>\n3user u;");
    assert_renders(VARIABLES("API_HOST=::1"), "@LISTEN@", "[::1]:8000 backlog=4096");
    assert_renders(VARIABLES("API_HOST=[::1]"), "@LISTEN@", "[::1]:8000 backlog=4096");
    assert_renders(VARIABLES("RATE_LIMIT=off"), "@RATE_LIMIT@|@RATE@", "|1");
    assert_renders(VARIABLES("RATE_BURST=0"), "@RATE_LIMIT@", "limit_req zone=rowan_rate;");
    assert_renders(VARIABLES("TRUSTED_PROXIES= 10.0.0.0/8,::1 ,"), "@TRUSTED_PROXIES@",
                   "set_real_ip_from 10.0.0.0/8;\n    set_real_ip_from ::1;\n    "
                   "real_ip_header X-Forwarded-For; real_ip_recursive on;");
    assert_renders(VARIABLES("ROWAN_ACCESS_LOG_SAMPLE=0.0105"),
                   "@ACCESS_LOG_SAMPLE@ @ACCESS_LOG_SAMPLED@",
                   "split_clients $request_id $rowan_sampled { 1.05% 1; * 0; } $rowan_sampled");
    assert_renders(VARIABLES("LOG_LEVEL=INFO"), "@LOG_LEVEL@", "notice");
}

static void an_unknown_word_is_refused(void **state) {
    (void)state;
    const char *const bad[] = {"a @NOBODY@", "@", "@LISTEN", "a@b", "@@"};
    struct rw_serve_settings settings = read_good(VARIABLES());
    for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
        char *filled;
        size_t size;
        rowan_error error;
        assert_int_equal(rw_serve_render(&settings, "", bad[i], &filled, &size, &error),
                         ROWAN_MALFORMED);
        assert_null(filled);
        assert_says(&error, "no word");
    }
    rw_serve_settings_free(&settings);
}

/* ---- CPUs ----------------------------------------------------------------------------------- */

/* The quota below `root`, of a process in the groups of `own`. */
static uint32_t quota(const char *root, const char *own) {
    char groups[600], file[600];
    snprintf(groups, sizeof groups, "%s/%s", folder, root);
    snprintf(file, sizeof file, "%s", write_file("own", own));
    return rw_serve_quota(groups, file);
}

static void a_quota_of_cgroups_v2_is_rounded_up(void **state) {
    (void)state;
    write_file("v2/cpu.max", "150000 100000\n"); /* as a container sees it */
    assert_int_equal(quota("v2", "0::/\n"), 2);
    write_file("v2/cpu.max", "1000 100000\n");
    assert_int_equal(quota("v2", "0::/\n"), 1);
    write_file("v2/cpu.max", "200000 100000\n");
    assert_int_equal(quota("v2", "0::/\n"), 2);
    write_file("v2/cpu.max", "max 100000\n");
    assert_int_equal(quota("v2", "0::/\n"), UINT32_MAX);
    assert_int_equal(quota("nowhere", "0::/\n"), UINT32_MAX);
}

static void the_tightest_group_counts(void **state) {
    (void)state;
    write_file("deep/a.slice/cpu.max", "300000 100000\n");
    write_file("deep/a.slice/b.service/cpu.max", "700000 100000\n");
    assert_int_equal(quota("deep", "0::/a.slice/b.service\n"), 3);
    assert_int_equal(quota("deep", "0::/a.slice\n"), 3);
    write_file("deep/a.slice/b.service/cpu.max", "100000 100000\n");
    assert_int_equal(quota("deep", "0::/a.slice/b.service\n"), 1);
    assert_int_equal(quota("deep", "0::/../elsewhere\n"), UINT32_MAX);
}

/* A container of v1 sees its own group where the kernel tells the host's path. */
static void a_quota_of_cgroups_v1_is_found(void **state) {
    (void)state;
    write_file("v1/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
    write_file("v1/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    const char own[] = "5:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n2:cpuset:/\n0::/\n";
    assert_int_equal(quota("v1", own), 3);
    write_file("v1/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(quota("v1", own), UINT32_MAX);
    write_file("v1/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "50000\n");
    write_file("v1/cpu,cpuacct/docker/1/cpu.cfs_period_us", "50000\n");
    assert_int_equal(quota("v1", own), 1);
}

static void there_is_at_least_one_cpu_and_no_more_than_affinity(void **state) {
    (void)state;
    char groups[600];
    write_file("one/cpu.max", "1 100000\n");
    snprintf(groups, sizeof groups, "%s/one", folder);
    char own[600];
    snprintf(own, sizeof own, "%s", write_file("own", "0::/\n"));
    assert_int_equal(rw_serve_cpus(groups, own), 1);
    write_file("one/cpu.max", "99999999999 1\n");
    assert_in_range(rw_serve_cpus(groups, own), 1, (uintmax_t)sysconf(_SC_NPROCESSORS_ONLN));
    assert_in_range(rw_serve_cpus("/nowhere", "/nowhere"), 1,
                    (uintmax_t)sysconf(_SC_NPROCESSORS_ONLN));
}

static void lines_that_are_no_group_are_passed_over(void **state) {
    (void)state;
    assert_int_equal(quota("v2", "\nx\n1\n1:\n:\n::\n1:cpu\n"), UINT32_MAX);
    write_file("v2/cpu.max", "word\n");
    assert_int_equal(quota("v2", "0::/\n"), UINT32_MAX);
    write_file("v2/cpu.max", "1 0\n");
    assert_int_equal(quota("v2", "0::/\n"), UINT32_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_sets_has_its_default),
        cmocka_unit_test(typing_errors_are_named),
        cmocka_unit_test(a_service_link_of_kubernetes_is_explained),
        cmocka_unit_test(settings_that_need_each_other_are_named),
        cmocka_unit_test(a_path_has_nothing_that_nginx_reads),
        cmocka_unit_test(fractions_are_exact),
        cmocka_unit_test(every_row_of_the_table_is_whole),
        cmocka_unit_test(docs_have_the_table),
        cmocka_unit_test(words_are_filled_in),
        cmocka_unit_test(an_unknown_word_is_refused),
        cmocka_unit_test(a_quota_of_cgroups_v2_is_rounded_up),
        cmocka_unit_test(the_tightest_group_counts),
        cmocka_unit_test(a_quota_of_cgroups_v1_is_found),
        cmocka_unit_test(there_is_at_least_one_cpu_and_no_more_than_affinity),
        cmocka_unit_test(lines_that_are_no_group_are_passed_over),
    };
    return cmocka_run_group_tests_name("serve", tests, set_up, tear_down);
}
