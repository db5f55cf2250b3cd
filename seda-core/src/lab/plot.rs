//! Charts and a page for measurements that are no scenario of the lab, in the same hand.
//!
//! ```
//! use seda_core::lab::plot::{Axis, Chart, Page, Picture, Stroke};
//!
//! let axes = (Axis::log(0.5, 10.0), Axis::linear(0.0, 1.2));
//! let goodput = Chart::new("goodput, in capacities", axes.0, axes.1, "offered, in capacities")
//!     .line(Stroke::Of(0), vec![(0.5, 0.5), (1.0, 0.97), (10.0, 0.96)])
//!     .level(1.0, "capacity");
//! let svg = Picture::new("goodput over load").legend(&["ours"]).chart(&goodput).svg();
//!
//! let page = Page::new("overload", "measured on a laptop")
//!     .section("goodput", "it stays", &svg)
//!     .table("medians", &["load", "goodput"], &[vec!["10x".to_string(), "96 %".to_string()]])
//!     .html();
//! assert!(page.contains(&svg));
//! ```

use super::chart::{Dot, legend, picture};
pub use super::{
    axis::Axis,
    chart::{Chart, Stroke},
    page::Page,
};

/// Height of a chart's plot, unless it says another, in pixels.
const HEIGHT: f64 = 180.0;

impl Chart {
    /// Without lines yet; `x_says` stands beneath the axis.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis, x_says: impl Into<String>) -> Self {
        let (title, x_says) = (title.into(), x_says.into());
        let (lines, levels, stretches, dots) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Chart { title, x, y, x_says, height: HEIGHT, lines, levels, stretches, dots }
    }

    /// So high, in pixels, without title and numbers. Default: 180.
    pub fn height(mut self, height: f64) -> Self {
        self.height = height;
        self
    }

    /// One more line, above those before it; what is beyond an axis is drawn at its end.
    pub fn line(mut self, stroke: Stroke, points: Vec<(f64, f64)>) -> Self {
        self.lines.push((stroke, points));
        self
    }

    /// A mark across at a value of y, with a name.
    pub fn level(mut self, at: f64, name: impl Into<String>) -> Self {
        self.levels.push((at, name.into()));
        self
    }

    /// A dot in the colour of this number; what it says is shown to whoever points at it.
    pub fn dot(mut self, of: usize, at: (f64, f64), says: impl Into<String>) -> Self {
        self.dots.push(Dot { at, of, says: says.into() });
        self
    }

    /// A name for a stretch of x that begins there.
    pub fn stretch(mut self, from: f64, name: impl Into<String>) -> Self {
        self.stretches.push((from, name.into()));
        self
    }
}

/// Charts beneath each other as one SVG, legible on light and dark grounds, which needs nothing but itself.
#[derive(Clone, Debug)]
#[must_use = "a picture is taken as SVG"]
pub struct Picture {
    says: String,
    drawn: String,
    height: f64,
}

impl Picture {
    /// Empty; what it says is for those who cannot see it.
    pub fn new(says: impl Into<String>) -> Self {
        Picture { says: says.into(), drawn: String::new(), height: 4.0 }
    }

    /// Names of the lines, [by number](Stroke::Of).
    pub fn legend(mut self, names: &[impl AsRef<str>]) -> Self {
        let names: Vec<String> = names.iter().map(|name| name.as_ref().to_string()).collect();
        self.height += legend(&mut self.drawn, &names, self.height);
        self
    }

    /// A chart beneath what is there.
    pub fn chart(mut self, chart: &Chart) -> Self {
        self.height += chart.draw(&mut self.drawn, self.height);
        self
    }

    /// The picture.
    #[must_use]
    pub fn svg(self) -> String {
        picture(&self.drawn, self.height, &self.says)
    }
}
