//! Thumbnails: the part of the service that takes processor time.

use std::io::Cursor;

use hyper::{StatusCode, body::Bytes};
use image::{
    DynamicImage, ImageError, ImageFormat, ImageReader, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
    error::LimitError,
};

use super::{
    cache::Version,
    page::{Media, Page},
    route::Wanted,
};

/// Longest side of a picture that is decoded, in pixels.
const SIDE_MAX: u32 = 16_384;
/// Most memory that decoding one picture may take, in bytes: 32 million pixels of four bytes. A small file can claim
/// to hold a picture of any size, so it is the claim that is judged.
const DECODE_MAX_BYTES: u64 = 128 << 20;
/// Of a thumbnail, out of 100: where artefacts begin to be seen in a small picture.
const JPEG_QUALITY: u8 = 80;

/// A file of which a thumbnail is wanted.
#[derive(Debug)]
pub struct Picture {
    /// Its name, and how wide the thumbnail is to be.
    pub wanted: Wanted,
    /// Version of the file.
    pub version: Version,
    /// The file.
    pub bytes: Bytes,
}

/// A thumbnail of the width that is wanted, or as wide as the picture if that is narrower; the proportions stay. JPEG
/// for a JPEG, else PNG.
pub fn draw(picture: &Picture) -> Page {
    let name = &picture.wanted.name;
    small(picture).unwrap_or_else(|why| match why {
        ImageError::Unsupported(_) => {
            Page::says(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("{name} is not an image that is known here"))
        }
        ImageError::Limits(why) => Page::says(StatusCode::UNPROCESSABLE_ENTITY, too_large(name, &why)),
        why => Page::says(StatusCode::UNPROCESSABLE_ENTITY, format!("{name} is not an image that can be read: {why}")),
    })
}

fn too_large(name: &str, why: &LimitError) -> String {
    format!("{name} is too large an image: {why}")
}

fn small(picture: &Picture) -> Result<Page, ImageError> {
    let mut reader = ImageReader::new(Cursor::new(&picture.bytes)).with_guessed_format()?;
    reader.limits(limits());
    let format = reader.format();
    let image = reader.decode()?;
    let (width, height) = size(&image, picture.wanted.width.unwrap_or(u32::MAX));
    let small = image.thumbnail_exact(width, height);
    if format == Some(ImageFormat::Jpeg) { jpeg(small) } else { png(small) }
}

fn limits() -> Limits {
    // `Limits` is non-exhaustive, so it is changed and not made.
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(DECODE_MAX_BYTES);
    limits
}

fn size(image: &DynamicImage, wanted: u32) -> (u32, u32) {
    let width = wanted.min(image.width());
    let height = u64::from(image.height()) * u64::from(width) / u64::from(image.width().max(1));
    // At most the picture's own height, so it fits.
    (width, (height as u32).max(1))
}

fn jpeg(image: DynamicImage) -> Result<Page, ImageError> {
    let mut bytes = Vec::new();
    image.into_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))?;
    Ok(Page::found(Media::Jpeg, bytes))
}

fn png(image: DynamicImage) -> Result<Page, ImageError> {
    let mut bytes = Vec::new();
    let encoder = PngEncoder::new(&mut bytes);
    if image.color().has_alpha() {
        image.into_rgba8().write_with_encoder(encoder)?;
    } else {
        image.into_rgb8().write_with_encoder(encoder)?;
    }
    Ok(Page::found(Media::Png, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgba, RgbaImage};

    fn picture(bytes: impl Into<Bytes>, width: u32) -> Picture {
        let wanted = Wanted { name: "p".into(), width: Some(width) };
        Picture { wanted, version: Version { modified: None, len: 0 }, bytes: bytes.into() }
    }

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let image = RgbaImage::from_pixel(width, height, Rgba([1, 2, 3, 128]));
        image.write_with_encoder(PngEncoder::new(&mut bytes)).expect("a picture can be written to memory");
        bytes
    }

    fn size_of(page: &Page) -> (u32, u32) {
        let image = image::load_from_memory(&page.body).expect("a thumbnail is an image");
        (image.width(), image.height())
    }

    #[test]
    fn a_thumbnail_keeps_the_proportions_and_never_enlarges() {
        let bytes = png_of(90, 60);
        assert_eq!(size_of(&draw(&picture(bytes.clone(), 30))), (30, 20));
        assert_eq!(size_of(&draw(&picture(bytes, 2000))), (90, 60));
    }

    #[test]
    fn a_thin_picture_has_at_least_one_line() {
        assert_eq!(size_of(&draw(&picture(png_of(500, 1), 10))), (10, 1));
    }

    #[test]
    fn what_is_not_an_image_is_told_in_a_sentence() {
        let page = draw(&picture("just words", 10));
        assert_eq!(page.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let mut broken = png_of(90, 60);
        broken.truncate(60);
        assert_eq!(draw(&picture(broken, 10)).status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn a_file_that_claims_to_hold_a_huge_picture_is_refused_by_its_claim() {
        let mut claims = png_of(1, 1);
        // Width and height of the header chunk, behind the signature and the chunk's own head, and its checksum.
        claims[16..24].copy_from_slice(&[0, 0, 0x3f, 0xff, 0, 0, 0x3f, 0xff]);
        let checksum = crc32(&claims[12..29]);
        claims[29..33].copy_from_slice(&checksum.to_be_bytes());
        let page = draw(&picture(claims, 10));
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.body.starts_with(b"p is too large an image"), "{:?}", page.body);
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    }
}
