//! One chart as SVG: plain path elements, legible on light and dark grounds. Arithmetic on points; it knows nothing of what
//! they mean.

use std::fmt::Write as _;

use super::axis::Axis;

pub(super) const WIDTH: f64 = 860.0;
/// Where the plot itself begins and ends, for the labels of the axis and a margin.
const LEFT: f64 = 62.0;
const RIGHT: f64 = WIDTH - 14.0;
/// For the title above and the numbers beneath.
const ABOVE: f64 = 26.0;
const BENEATH: f64 = 36.0;

/// Okabe and Ito's palette (Color Universal Design, 2008), without the black and the yellow, which one ground each swallows.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
/// With more lines than colours the strokes differ.
const DASHES: [&str; 3] = ["", "6 3", "2 3"];

/// Written into each picture, as each must be legible by itself.
pub(super) const STYLE: &str = "<style>.lab-ground{fill:#fff}.lab{color:#24292f}.lab text{fill:currentColor;font:12px \
     system-ui,sans-serif}.lab .title{font-weight:600;font-size:13px}.lab .grid{stroke:currentColor;stroke-opacity:.16}.lab \
     .mark{stroke:currentColor;stroke-opacity:.6;stroke-dasharray:5 4;fill:none}.lab .faint{fill:currentColor;fill-opacity:.09}\
     @media(prefers-color-scheme:dark){.lab-ground{fill:#14171c}.lab{color:#d7dde4}}</style>";

/// How a line is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stroke {
    /// In the colour of this number; the first one is thick.
    Of(usize),
    /// The same, dotted and thin.
    Dotted(usize),
    /// Down to the axis, faint.
    Ground,
    /// From the line before it, in the colour of this number.
    Stacked(usize),
}

/// A dot that says something to whoever points at it.
#[derive(Clone, Debug)]
pub(super) struct Dot {
    pub(super) at: (f64, f64),
    /// Number of its colour.
    pub(super) of: usize,
    pub(super) says: String,
}

/// A title, axes, lines, and marks across.
#[derive(Clone, Debug)]
#[must_use = "a chart is drawn into a picture"]
pub struct Chart {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) x_says: String,
    pub(super) height: f64,
    pub(super) lines: Vec<(Stroke, Vec<(f64, f64)>)>,
    /// Level lines with their names.
    pub(super) levels: Vec<(f64, String)>,
    /// Names of stretches of x, each from its beginning.
    pub(super) stretches: Vec<(f64, String)>,
    pub(super) dots: Vec<Dot>,
}

impl Chart {
    /// With its upper edge at `top`; how high it is in all.
    pub(super) fn draw(&self, svg: &mut String, top: f64) -> f64 {
        let (above, beneath) = (top + ABOVE, top + ABOVE + self.height);
        _ = write!(svg, "<text class=\"title\" x=\"{LEFT}\" y=\"{:.0}\">{}</text>", top + 15.0, escaped(&self.title));
        self.grid(svg, above, beneath);
        for (at, (stroke, points)) in self.lines.iter().enumerate() {
            let under = at.checked_sub(1).map(|under| &self.lines[under]).filter(|(under, _)| stacks(*under));
            self.trace(svg, *stroke, points, under.map(|(_, points)| points.as_slice()), above);
        }
        for (level, name) in &self.levels {
            let y = self.y_at(*level, above);
            _ = write!(svg, "<path class=\"mark\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>");
            _ = write!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                RIGHT - 2.0,
                y - 4.0,
                escaped(name)
            );
        }
        for (from, name) in &self.stretches {
            let x = self.x_at(*from);
            _ = write!(svg, "<path class=\"mark\" d=\"M{x:.1} {above}V{beneath}\"/>");
            _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", x + 4.0, above + 12.0, escaped(name));
        }
        self.dots.iter().for_each(|dot| self.point(svg, dot, above));
        ABOVE + self.height + BENEATH
    }

    fn point(&self, svg: &mut String, Dot { at, of, says }: &Dot, above: f64) {
        let (x, y, (colour, ..)) = (self.x_at(at.0), self.y_at(at.1, above), look(*of));
        _ = write!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{colour}\" fill-opacity=\".85\">");
        _ = write!(svg, "<title>{}</title></circle>", escaped(says));
    }

    fn grid(&self, svg: &mut String, above: f64, beneath: f64) {
        for tick in self.y.ticks() {
            let y = self.y_at(tick, above);
            _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>");
            _ = write!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 6.0,
                y + 4.0,
                number(tick)
            );
        }
        for tick in self.x.ticks() {
            let x = self.x_at(tick);
            _ = write!(svg, "<path class=\"grid\" d=\"M{x:.1} {above}V{beneath}\"/>");
            _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                beneath + 15.0,
                number(tick)
            );
        }
        let says = escaped(&self.x_says);
        _ = write!(
            svg,
            "<text x=\"{RIGHT}\" y=\"{}\" text-anchor=\"end\" opacity=\".7\">{says}</text>",
            beneath + 29.0
        );
    }

    fn trace(&self, svg: &mut String, stroke: Stroke, points: &[(f64, f64)], under: Option<&[(f64, f64)]>, above: f64) {
        if points.is_empty() {
            return;
        }
        let path = self.path(points.iter(), above);
        let closed = |under: &[(f64, f64)]| format!("M{path}L{}Z", self.path(under.iter().rev(), above));
        let floor = [(points[0].0, self.y.from), (points[points.len() - 1].0, self.y.from)];
        _ = match stroke {
            Stroke::Of(index) => {
                let (colour, dash, width) = look(index);
                write!(svg, "<path fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"{dash} d=\"M{path}\"/>")
            }
            Stroke::Dotted(index) => {
                let (colour, ..) = look(index);
                write!(svg, "<path fill=\"none\" stroke=\"{colour}\" stroke-dasharray=\"1.5 3\" d=\"M{path}\"/>")
            }
            Stroke::Ground => write!(svg, "<path class=\"faint\" d=\"{}\"/>", closed(&floor)),
            Stroke::Stacked(index) => {
                let (colour, ..) = look(index);
                let closed = closed(under.unwrap_or(&floor));
                write!(svg, "<path fill=\"{colour}\" fill-opacity=\".55\" d=\"{closed}\"/>")
            }
        };
    }

    fn path<'a>(&self, points: impl Iterator<Item = &'a (f64, f64)>, above: f64) -> String {
        let places: Vec<String> =
            points.map(|&(x, y)| format!("{:.1} {:.1}", self.x_at(x), self.y_at(y, above))).collect();
        places.join("L")
    }

    fn x_at(&self, x: f64) -> f64 {
        LEFT + self.x.place(x) * (RIGHT - LEFT)
    }

    fn y_at(&self, y: f64, above: f64) -> f64 {
        above + (1.0 - self.y.place(y)) * self.height
    }
}

fn stacks(stroke: Stroke) -> bool {
    matches!(stroke, Stroke::Stacked(_))
}

/// Colour, dash and width of the line of this number.
fn look(index: usize) -> (&'static str, String, f64) {
    let dash = DASHES[(index / COLOURS.len()) % DASHES.len()];
    let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
    (COLOURS[index % COLOURS.len()], dash, if index == 0 { 2.6 } else { 1.3 })
}

/// Names with their lines, in as many rows as they need; how high it is.
pub(super) fn legend(svg: &mut String, names: &[String], top: f64) -> f64 {
    let (mut x, mut y) = (LEFT, top + 14.0);
    for (index, name) in names.iter().enumerate() {
        // Wide enough for the letters of any face.
        let wide = 44.0 + 7.2 * name.chars().count() as f64;
        if x + wide > WIDTH {
            (x, y) = (LEFT, y + 19.0);
        }
        let (colour, dash, width) = look(index);
        let (from, to) = (x, x + 22.0);
        _ = write!(
            svg,
            "<path stroke=\"{colour}\" stroke-width=\"{width}\"{dash} d=\"M{from:.0} {0:.0}H{to:.0}\"/>",
            y - 4.0
        );
        _ = write!(svg, "<text x=\"{:.0}\" y=\"{y:.0}\">{}</text>", x + 27.0, escaped(name));
        x += wide;
    }
    y - top + 12.0
}

/// A picture of what was drawn, so high.
pub(super) fn picture(drawn: &str, height: f64, says: &str) -> String {
    format!(
        "<svg class=\"lab\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
         height=\"{height:.0}\" role=\"img\"><title>{}</title>{STYLE}<rect class=\"lab-ground\" width=\"{WIDTH}\" \
         height=\"{height:.0}\"/>{drawn}</svg>\n",
        escaped(says)
    )
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
