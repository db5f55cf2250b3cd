//! What the passes came to: a table for the terminal, and a page of plots that opens from disk.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use seda::lab::plot::{Axis, Chart, Page, Picture, Stroke};

use super::{
    clients::Plan,
    seen::{Board, Figures},
    words::{milliseconds, said},
};

/// Windows of the plots over time, per step.
const WINDOWS: u32 = 10;
/// Room above what is highest.
const ROOM: f64 = 1.25;
/// Latencies below are all alike here.
const LATENCY_LEAST_MS: f64 = 5.0;
const TITLE: &str = "A service of stages past saturation";
const HEAD: [&str; 8] =
    ["", "offered/s", "goodput/s", "refused", "p99 of the admitted", "p99 of cached files", "left/s", "broken/s"];

/// All that was measured.
#[derive(Clone, Debug)]
pub struct Story {
    /// What was asked in each pass.
    pub plan: Plan,
    /// The objective of the second pass.
    pub objective: Duration,
    /// Admission off.
    pub off: Arc<Board>,
    /// Admission on.
    pub on: Arc<Board>,
}

impl Story {
    /// For a terminal: a line for each load.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "          goodput/s      p99 of admitted     refused\nload      off      on      off       on   off    on\n",
        );
        for (at, load) in self.plan.loads.iter().enumerate() {
            let (off, on) = (self.step(&self.off, at), self.step(&self.on, at));
            let refused = [off, on].map(|figures| format!("{:.0}%", 100.0 * figures.refused_share()));
            let _ = writeln!(
                text,
                "{:<6} {:>6.0}  {:>6.0} {:>8} {:>8}  {:>4}  {:>4}",
                format!("{load}x"),
                off.good,
                on.good,
                self.plan.late(off.p99),
                self.plan.late(on.p99),
                refused[0],
                refused[1]
            );
        }
        text
    }

    /// The page; it fetches nothing.
    pub fn page(&self) -> String {
        let about = format!(
            "Thumbnails, drawn by a service of stages that can do {:.0} a second (measured closed-loop at the start), asked for \
             at up to {}x of that: first with a queue of a thousand before the stage that draws, then the same with an \
             objective of {}. Clients ask at their own pace, count from the time at which a request was due, and leave after \
             {}. Goodput is what came while they were still there. One run of {:.0} s per load on this machine, which the clients \
             share with the service.",
            self.plan.capacity,
            self.plan.loads.iter().copied().fold(0.0, f64::max),
            said(self.objective),
            said(self.plan.patience),
            self.plan.step.as_secs_f64(),
        );
        let mut page = Page::new(TITLE, about);
        if let Some(svg) = self.by_load() {
            page = page.section("By load", "each point is one step of the load", &svg);
        }
        page = page.section("Over time", "the steps of the load, one after the other", &self.over_time());
        for (at, load) in self.plan.loads.iter().enumerate() {
            let rows = [("admission on", &self.on), ("admission off", &self.off)];
            let rows = rows.map(|(name, board)| self.row(name, &self.step(board, at)));
            page = page.table(&format!("{load}x"), &HEAD, &rows);
        }
        page.html()
    }

    /// Goodput and latency against the load; none if there is only one.
    pub fn by_load(&self) -> Option<String> {
        let loads = &self.plan.loads;
        let (least, most) =
            (loads.iter().copied().fold(f64::INFINITY, f64::min), loads.iter().copied().fold(0.0, f64::max));
        if least >= most {
            return None;
        }
        let of = |board: &Board| {
            let point = |(at, load): (usize, &f64)| (*load, self.step(board, at));
            let mut points: Vec<(f64, Figures)> = loads.iter().enumerate().map(point).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            points
        };
        let (x, says) = (Axis::log(least, most), "offered, in capacities");
        let goodput = Chart::new("goodput: thumbnails per second that came in time", x, self.rates(), says);
        Some(self.picture(goodput, self.latency(x, says), &of(&self.off), &of(&self.on)))
    }

    fn over_time(&self) -> String {
        let window = self.plan.step / WINDOWS;
        let of = |board: &Board| {
            let point = |at: u32| {
                let figures = board.during(&(window * at..window * (at + 1)), self.plan.patience);
                ((window * at + window / 2).as_secs_f64(), figures)
            };
            (0..WINDOWS * self.plan.loads.len() as u32).map(point).collect::<Vec<_>>()
        };
        let (off, on) = (of(&self.off), of(&self.on));
        let (x, says) = (Axis::linear(0.0, self.plan.lasts().as_secs_f64()), "time, in seconds");
        let title = "goodput (lines) and offered (ground), thumbnails per second";
        let goodput = Chart::new(title, x, self.rates(), says).line(Stroke::Ground, line(&on, |f| Some(f.offered)));
        let goodput = self.plan.loads.iter().enumerate().fold(goodput, |chart, (at, load)| {
            chart.stretch(self.plan.during(at).start.as_secs_f64(), format!("{load}x"))
        });
        self.picture(goodput, self.latency(x, says), &off, &on)
    }

    fn latency(&self, x: Axis, says: &str) -> Chart {
        Chart::new("p99 latency of the admitted, in ms", x, self.latencies(), says)
            .level(milliseconds(self.objective), format!("objective, {}", said(self.objective)))
            .level(milliseconds(self.plan.patience), format!("the client leaves, {}", said(self.plan.patience)))
    }

    /// Lines for both passes into both charts.
    fn picture(&self, goodput: Chart, latency: Chart, off: &[(f64, Figures)], on: &[(f64, Figures)]) -> String {
        let good = |figures: &Figures| Some(figures.good);
        let late = |figures: &Figures| figures.p99.map(milliseconds);
        let goodput = goodput.line(Stroke::Of(1), line(off, good)).line(Stroke::Of(0), line(on, good));
        let latency = latency.line(Stroke::Of(1), line(off, late)).line(Stroke::Of(0), line(on, late));
        let names = [format!("admission on, objective {}", said(self.objective)), "admission off".to_string()];
        Picture::new(
            "goodput, and p99 latency of the admitted, from under to far over the capacity, admission off and on",
        )
        .legend(&names)
        .chart(&goodput.level(self.plan.capacity, "capacity"))
        .chart(&latency)
        .svg()
    }

    fn rates(&self) -> Axis {
        // More than was measured where others have left the processors since.
        let all =
            (0..self.plan.loads.len()).flat_map(|at| [&self.off, &self.on].map(|board| self.step(board, at).good));
        Axis::linear(0.0, all.fold(self.plan.capacity, f64::max) * ROOM)
    }

    fn latencies(&self) -> Axis {
        let most = milliseconds(self.plan.patience) * ROOM * ROOM;
        Axis::log(LATENCY_LEAST_MS.min(milliseconds(self.objective) / 10.0), most)
    }

    fn step(&self, board: &Board, step: usize) -> Figures {
        board.during(&self.plan.during(step), self.plan.patience)
    }

    fn row(&self, name: &str, figures: &Figures) -> Vec<String> {
        let rate = |rate: f64| format!("{rate:.0}");
        let refused = format!("{:.0} %", 100.0 * figures.refused_share());
        let late = [figures.p99, figures.file_p99].map(|late| self.plan.late(late));
        let [p99, file_p99] = late;
        let (left, broken) = (rate(figures.gave_up), rate(figures.broken));
        vec![name.to_string(), rate(figures.offered), rate(figures.good), refused, p99, file_p99, left, broken]
    }
}

fn line(points: &[(f64, Figures)], value: impl Fn(&Figures) -> Option<f64>) -> Vec<(f64, f64)> {
    points.iter().filter_map(|(at, figures)| Some((*at, value(figures)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overload::seen::{Fate, Seen, Target};

    /// Ten thumbnails in each of two seconds: all good in the first; in the second one is good, and the others have that
    /// fate.
    fn board(others: Fate) -> Arc<Board> {
        let board = Board::default();
        for at in 0..20 {
            let fate = if at <= 10 { Fate::Good(Duration::from_millis(30)) } else { others };
            board.note(Seen { due: Duration::from_millis(100 * at), target: Target::Thumbnail, fate });
        }
        Arc::new(board)
    }

    fn story(loads: Vec<f64>) -> Story {
        let second = Duration::from_secs(1);
        Story {
            plan: Plan { capacity: 10.0, loads, step: second, patience: second },
            objective: Duration::from_millis(200),
            off: board(Fate::GaveUp),
            on: board(Fate::Refused),
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_load() {
        let table = story(vec![1.0, 10.0]).table();
        let lines: Vec<Vec<&str>> = table.lines().skip(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["1x", "10", "10", "30", "ms", "30", "ms", "0%", "0%"]);
        assert_eq!(lines[1], ["10x", "1", "1", ">1.0", "s", "30", "ms", "0%", "90%"]);
    }

    #[test]
    fn the_page_has_both_series_and_needs_nothing_else() {
        let page = story(vec![1.0, 10.0]).page();
        for part in ["By load", "Over time", "admission off", "admission on, objective 200 ms", "#0072b2", "#d55e00"] {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href=\"http"));
    }

    #[test]
    fn one_load_is_drawn_over_time_alone() {
        let story = story(vec![2.0]);
        assert_eq!(story.by_load(), None);
        assert!(story.page().contains("Over time") && !story.page().contains("NaN"));
    }
}
