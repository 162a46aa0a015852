#include "load-testing/report.h"
rowan_status rw_load_report_json(const struct rw_load_run *run, rowan_error *error) {
    (void)run;
    (void)error;
    return ROWAN_OK;
}
rowan_status rw_load_report_svg(const struct rw_load_run *run, rowan_error *error) {
    (void)run;
    (void)error;
    return ROWAN_OK;
}
