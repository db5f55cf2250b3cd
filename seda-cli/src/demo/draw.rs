//! The pictures of the sample folder, drawn by formula.

use std::{fs::File, io, io::BufWriter, path::Path};

use image::{
    Rgb, RgbImage,
    codecs::{
        jpeg::JpegEncoder,
        png::{CompressionType, FilterType, PngEncoder},
    },
};

/// Steps until a point of the Mandelbrot set counts as inside.
const STEPS_MAX: u32 = 80;

/// One picture: its file, and a colour (red, green, blue; 0 to 1) for each place (x to the right and y down; 0 to 1).
#[derive(Clone, Copy)]
pub(crate) struct Drawing {
    pub(crate) name: &'static str,
    colour: fn(f32, f32) -> [f32; 3],
}

/// All of them.
pub(crate) const PICTURES: [Drawing; 6] = [
    Drawing { name: "dunes.jpg", colour: dunes },
    Drawing { name: "mandelbrot.png", colour: mandelbrot },
    Drawing { name: "plasma.jpg", colour: plasma },
    Drawing { name: "ripples.jpg", colour: ripples },
    Drawing { name: "tartan.png", colour: tartan },
    Drawing { name: "wheel.png", colour: wheel },
];

/// Draws one and writes it in the format that its name says.
pub(crate) fn write(drawing: Drawing, path: &Path, (width, height): (u32, u32)) -> io::Result<()> {
    let at = |x: u32, y: u32| (drawing.colour)(x as f32 / width as f32, y as f32 / height as f32);
    let image = RgbImage::from_fn(width, height, |x, y| Rgb(at(x, y).map(|part| (part.clamp(0.0, 1.0) * 255.0) as u8)));
    let file = BufWriter::new(File::create(path)?);
    let written = if drawing.name.ends_with(".jpg") {
        image.write_with_encoder(JpegEncoder::new_with_quality(file, 90))
    } else {
        image.write_with_encoder(PngEncoder::new_with_quality(file, CompressionType::Fast, FilterType::Sub))
    };
    written.map_err(io::Error::other)
}

fn wave(x: f32) -> f32 {
    0.5 + 0.5 * x.sin()
}

fn dunes(x: f32, y: f32) -> [f32; 3] {
    let ridge =
        |far: f32| 0.35 + 0.12 * far + 0.06 * (x * (9.0 - far) + far * 2.0).sin() + 0.02 * (x * 31.0 * far).sin();
    let rows = (1..5).filter(|far| y > ridge(*far as f32)).count() as f32;
    if rows == 0.0 {
        [0.9 - 0.5 * y, 0.7 - 0.1 * y, 0.9]
    } else {
        [1.0 - 0.18 * rows, 0.75 - 0.15 * rows, 0.4 - 0.07 * rows]
    }
}

fn mandelbrot(x: f32, y: f32) -> [f32; 3] {
    let (re, im) = (x * 3.2 - 2.3, y * 2.0 - 1.0);
    let (mut a, mut b, mut steps) = (0.0f32, 0.0f32, 0);
    while a * a + b * b < 4.0 && steps < STEPS_MAX {
        (a, b, steps) = (a * a - b * b + re, 2.0 * a * b + im, steps + 1);
    }
    let depth = steps as f32 / STEPS_MAX as f32;
    if steps == STEPS_MAX { [0.0; 3] } else { [depth * 1.5, depth.sqrt(), 0.3 + depth] }
}

fn plasma(x: f32, y: f32) -> [f32; 3] {
    let value = (x * 11.0).sin() + (y * 9.0).sin() + ((x + y) * 7.0).sin() + ((x * x + y * y).sqrt() * 17.0).sin();
    [wave(value * 1.5), wave(value * 1.5 + 2.1), wave(value * 1.5 + 4.2)]
}

fn ripples(x: f32, y: f32) -> [f32; 3] {
    let from = |cx: f32, cy: f32| (((x - cx).powi(2) + (y - cy).powi(2)).sqrt() * 70.0).sin();
    let height = 0.5 + 0.25 * (from(0.3, 0.4) + from(0.75, 0.6));
    [height * 0.3, 0.3 + height * 0.5, 0.5 + height * 0.5]
}

fn tartan(x: f32, y: f32) -> [f32; 3] {
    let stripe = |at: f32, every: f32| if (at * every).fract() < 0.3 { 1.0 } else { 0.2 };
    [0.5 * (stripe(x, 5.0) + stripe(y, 3.0)), 0.4 * stripe(x, 11.0), 0.4 * stripe(y, 7.0)]
}

fn wheel(x: f32, y: f32) -> [f32; 3] {
    let (dx, dy) = (x - 0.5, y - 0.5);
    let (angle, radius) = (dy.atan2(dx), (dx * dx + dy * dy).sqrt());
    let turned = angle * 6.0 + radius * 20.0;
    if radius > 0.48 { [0.95; 3] } else { [wave(turned), wave(turned + 2.1), wave(turned + 4.2)] }
}
