/*
 * report_svg.c - what a run was, drawn: rates, latencies and lag of each second.
 *
 * Three panels with one axis of time.  A long run has several seconds a point: the mean of
 * rates, the largest of latencies and lag.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "load-testing/report_parts.h"

#include <inttypes.h>
#include <math.h>

#define POINTS_MAX  600u
#define PANELS      3
#define LEFT        90
#define WIDTH       800
#define TOP         40
#define HEIGHT      150 /* of a panel */
#define GAP         50
#define TEXT_SIZE   12
#define LEAST_MS    0.1 /* where the logarithmic axis of latencies begins */
#define TIME_TICKS  8.0
#define VALUE_TICKS 4.0

struct drawing {
    struct rw_buffer *out;
    const struct rw_load_run *run;
    uint32_t n_seconds;
    uint32_t width; /* seconds a point */
    uint32_t n_points;
};

struct panel {
    int top;
    double most; /* value at the upper end */
    bool is_logarithmic;
};

/* ---- values -------------------------------------------------------------------------------- */

enum value { ASKED, SENT, ACKED, P50, P99, LAG };

/* NaN: there is none. */
static double value_at(const struct drawing *drawing, enum value value, uint32_t second) {
    const struct rw_load_second *slot = &drawing->run->timeline.seconds[second];
    switch (value) {
    case ASKED:
        return (double)rw_load_report_asked(drawing->run, second);
    case SENT:
        return (double)slot->sent;
    case ACKED:
        return (double)slot->acked;
    case P50:
        return slot->acked ? (double)slot->p50_us / 1e3 : (double)NAN;
    case P99:
        return slot->acked ? (double)slot->p99_us / 1e3 : (double)NAN;
    default:
        return slot->lag == RW_LOAD_LAG_UNKNOWN ? (double)NAN : (double)slot->lag;
    }
}

static double point_at(const struct drawing *drawing, enum value value, uint32_t point) {
    double sum = 0.0, most = (double)NAN;
    uint32_t n = 0;
    for (uint32_t i = point * drawing->width;
         i < (point + 1) * drawing->width && i < drawing->n_seconds; i++, n++) {
        const double one = value_at(drawing, value, i);
        sum += one;
        most = fmax(most, one); /* which leaves NaN out */
    }
    return value <= ACKED ? sum / n : most;
}

static double most_of(const struct drawing *drawing, enum value first, enum value last) {
    double most = 1.0;
    for (enum value value = first; value <= last; value++)
        for (uint32_t i = 0; i < drawing->n_points; i++)
            most = fmax(most, point_at(drawing, value, i));
    return most;
}

/* 1, 2 or 5 times a power of ten, so that about `ticks` of them are `range`. */
static double step_of(double range, double ticks) {
    const double rough = range / ticks, power = pow(10.0, floor(log10(rough)));
    const double factor = rough / power;
    return power * (factor <= 1.0 ? 1.0 : factor <= 2.0 ? 2.0 : factor <= 5.0 ? 5.0 : 10.0);
}

/* ---- places ---------------------------------------------------------------------------------- */

static double x_of(const struct drawing *drawing, double second) {
    return LEFT + WIDTH * second / drawing->n_seconds;
}

static double y_of(const struct panel *panel, double value) {
    double share = value / panel->most;
    if (panel->is_logarithmic)
        share = log(fmax(value, LEAST_MS) / LEAST_MS) / log(panel->most / LEAST_MS);
    return panel->top + HEIGHT * (1.0 - fmin(fmax(share, 0.0), 1.0));
}

/* ---- marks ----------------------------------------------------------------------------------- */

static void add_text(struct rw_buffer *out, double x, double y, const char *anchor,
                     const char *text) {
    rw_buffer_printf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
    rw_buffer_text(out, text);
    rw_buffer_text(out, "</text>\n");
}

static void add_value_tick(const struct drawing *drawing, const struct panel *panel, double value) {
    char text[32];
    struct rw_buffer label = {.data = text, .capacity = sizeof text};
    const double y = y_of(panel, value);
    rw_buffer_printf(drawing->out, "<path class=\"grid\" d=\"M%d %.1fh%d\"/>\n", LEFT, y, WIDTH);
    rw_buffer_printf(&label, "%.6g%c", value, '\0');
    add_text(drawing->out, LEFT - 8, y + 4, "end", text);
}

static void add_value_axis(const struct drawing *drawing, const struct panel *panel) {
    if (panel->is_logarithmic) {
        const int decades = (int)lround(log10(panel->most / LEAST_MS));
        for (int i = 0; i <= decades; i++)
            add_value_tick(drawing, panel, LEAST_MS * pow(10.0, i));
        return;
    }
    const double step = step_of(panel->most, VALUE_TICKS);
    for (int i = 0; i * step <= panel->most; i++)
        add_value_tick(drawing, panel, i * step);
}

static void add_time_axis(const struct drawing *drawing, const struct panel *panel) {
    double step = step_of(drawing->n_seconds, TIME_TICKS);
    step = step < 1.0 ? 1.0 : step;
    for (int i = 0; i * step <= drawing->n_seconds; i++) {
        const double second = i * step;
        char text[32];
        struct rw_buffer label = {.data = text, .capacity = sizeof text};
        rw_buffer_printf(&label, "%.0f%c", second, '\0');
        add_text(drawing->out, x_of(drawing, second), panel->top + HEIGHT + 16, "middle", text);
    }
}

static void add_line(const struct drawing *drawing, const struct panel *panel, enum value value,
                     const char *class_name) {
    bool is_down = false; /* the pen */
    rw_buffer_printf(drawing->out, "<path class=\"%s\" d=\"", class_name);
    for (uint32_t i = 0; i < drawing->n_points; i++) {
        const double at = point_at(drawing, value, i);
        if (isfinite(at))
            rw_buffer_printf(drawing->out, "%c%.1f %.1f", is_down ? 'L' : 'M',
                             x_of(drawing, (i + 0.5) * drawing->width), y_of(panel, at));
        is_down = isfinite(at);
    }
    rw_buffer_text(drawing->out, "\"/>\n");
}

static void add_legend(const struct drawing *drawing, const struct panel *panel, int place,
                       const char *class_name, const char *text) {
    const int x = LEFT + 300 + place * 150, y = panel->top - 10;
    rw_buffer_printf(drawing->out, "<path class=\"%s\" d=\"M%d %dh24\"/>\n", class_name, x, y - 4);
    add_text(drawing->out, x + 30, y, "start", text);
}

/* ---- panels ---------------------------------------------------------------------------------- */

static struct panel add_panel(const struct drawing *drawing, int number, double most,
                              bool is_logarithmic, const char *title) {
    const struct panel panel = {TOP + number * (HEIGHT + GAP), most, is_logarithmic};
    add_text(drawing->out, LEFT, panel.top - 10, "start", title);
    add_value_axis(drawing, &panel);
    add_time_axis(drawing, &panel);
    return panel;
}

static void add_rates(const struct drawing *drawing) {
    const double most = most_of(drawing, ASKED, ACKED) * 1.05;
    const struct panel panel = add_panel(drawing, 0, most, false, "messages a second");
    add_line(drawing, &panel, ACKED, "second");
    add_line(drawing, &panel, SENT, "first");
    if (!drawing->run->options->schedule.unpaced) {
        add_line(drawing, &panel, ASKED, "asked"); /* dashes, above the others */
        add_legend(drawing, &panel, 0, "asked", "asked");
    }
    add_legend(drawing, &panel, 1, "first", "sent");
    add_legend(drawing, &panel, 2, "second", "acknowledged");
}

static void add_latencies(const struct drawing *drawing) {
    const double most = pow(10.0, ceil(log10(fmax(most_of(drawing, P50, P99), 1.0))));
    const struct panel panel =
        add_panel(drawing, 1, fmax(most, 10.0), true, "ms to the acknowledgement");
    add_line(drawing, &panel, P50, "first");
    add_line(drawing, &panel, P99, "second");
    add_legend(drawing, &panel, 1, "first", "p50");
    add_legend(drawing, &panel, 2, "second", "p99");
}

static void add_lag(const struct drawing *drawing) {
    const struct panel panel = add_panel(drawing, 2, most_of(drawing, LAG, LAG) * 1.05, false,
                                         "lag of the group, messages");
    add_line(drawing, &panel, LAG, "first");
    add_text(drawing->out, LEFT + WIDTH, panel.top + HEIGHT + 32, "end", "seconds");
}

static void add_document(struct rw_buffer *out, const struct rw_load_run *run) {
    struct drawing drawing = {.out = out, .run = run, .n_seconds = rw_load_report_seconds(run)};
    if (drawing.n_seconds == 0)
        drawing.n_seconds = 1;
    drawing.width = (drawing.n_seconds + POINTS_MAX - 1) / POINTS_MAX;
    drawing.n_points = (drawing.n_seconds + drawing.width - 1) / drawing.width;
    rw_buffer_printf(out,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\">\n"
                     "<style>text{font:%dpx sans-serif;fill:#333}path{fill:none;stroke-width:1.5}"
                     ".grid{stroke:#ddd;stroke-width:1}.asked{stroke:#111;stroke-dasharray:4 3}"
                     ".first{stroke:#1668a8}.second{stroke:#d8591f}</style>\n"
                     "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
                     LEFT + WIDTH + 30, TOP + PANELS * (HEIGHT + GAP), TEXT_SIZE);
    add_rates(&drawing);
    add_latencies(&drawing);
    add_lag(&drawing);
    rw_buffer_text(out, "</svg>\n");
}

rowan_status rw_load_report_svg(const struct rw_load_run *run, rowan_error *error) {
    return rw_load_report_write(run, run->options->svg_file, add_document, error);
}
