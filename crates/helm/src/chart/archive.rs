//! Charts packed as `.tgz`, read with care: an archive may come from anybody.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use tar::{Archive, Entry};

use super::{ChartError, File};

/// The largest chart, unpacked, subcharts included: 100 MiB, as in Helm.
pub const MAX_CHART_BYTES: u64 = 100 * 1024 * 1024;
/// The largest file of a chart, unpacked: 5 MiB, as in Helm.
pub const MAX_FILE_BYTES: u64 = 5 * 1024 * 1024;
/// The most files a chart may have, subcharts included.
pub const MAX_FILES: usize = 50_000;
/// How deep archives may be packed into archives.
const MAX_NESTING: usize = 16;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What a chart with all its subcharts may still unpack to.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    bytes: u64,
    files: usize,
    nesting: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: MAX_CHART_BYTES, files: MAX_FILES, nesting: MAX_NESTING }
    }
}

impl Budget {
    /// Takes one file of `size` bytes out of the budget.
    pub(crate) fn take_file(&mut self, name: &str, size: u64) -> Result<(), ChartError> {
        if size > MAX_FILE_BYTES {
            return Err(ChartError::new(format!(
                "chart file {name:?} is larger than the maximum file size {MAX_FILE_BYTES}"
            )));
        }
        self.files = self
            .files
            .checked_sub(1)
            .ok_or_else(|| ChartError::new(format!("chart has more than {MAX_FILES} files")))?;
        self.bytes = self.bytes.checked_sub(size).ok_or_else(|| {
            ChartError::new(format!("decompressed chart is larger than the maximum size {MAX_CHART_BYTES}"))
        })?;
        Ok(())
    }

    fn take_nesting(&mut self) -> Result<(), ChartError> {
        self.nesting = self
            .nesting
            .checked_sub(1)
            .ok_or_else(|| ChartError::new("chart archives are packed into each other without end"))?;
        Ok(())
    }
}

/// The files of a packed chart, named relative to the one folder that the archive holds.
///
/// # Errors
/// If it is no gzipped tar archive, if it is larger than allowed, or if it has names that lead out of the chart, or links.
pub(crate) fn unpack(archive: &[u8], budget: &mut Budget) -> Result<Vec<File>, ChartError> {
    budget.take_nesting()?;
    // Headers and padding count too: an archive of nothing but headers is bounded by this.
    let limit = MAX_CHART_BYTES.saturating_mul(2);
    let mut archive = Archive::new(GzDecoder::new(archive).take(limit));
    let mut files = Vec::new();
    for entry in archive.entries().map_err(unreadable)? {
        files.extend(file_of(entry.map_err(unreadable)?, budget)?);
    }
    if files.is_empty() {
        return Err(ChartError::new("no files in chart archive"));
    }
    Ok(files)
}

fn unreadable(error: std::io::Error) -> ChartError {
    ChartError::new(format!("chart archive cannot be read: {error}"))
}

fn file_of<R: Read>(mut entry: Entry<'_, R>, budget: &mut Budget) -> Result<Option<File>, ChartError> {
    let kind = entry.header().entry_type();
    if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
        return Ok(None);
    }
    let packed_name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    if !kind.is_file() && !kind.is_contiguous() && !kind.is_gnu_sparse() {
        return Err(ChartError::new(format!(
            "chart archive holds {packed_name:?}, which is a link or no file"
        )));
    }
    let name = name_in_chart(&packed_name)?;
    budget.take_file(&name, entry.size())?;
    let mut data = Vec::new();
    entry.by_ref().take(MAX_FILE_BYTES).read_to_end(&mut data).map_err(unreadable)?;
    Ok(Some(File { name, data: without_byte_order_mark(data) }))
}

/// The path inside the chart of a file that is packed under `packed`, whose first part is the chart's folder.
fn name_in_chart(packed: &str) -> Result<String, ChartError> {
    let packed = packed.replace('\\', "/");
    let has_drive = packed.split('/').any(|part| part.ends_with(':') && part.len() == 2);
    if has_drive || packed.contains('\0') {
        return Err(ChartError::new("chart contains illegally named files"));
    }
    let Some((folder, inside)) = packed.split_once('/') else {
        let text = if packed == "Chart.yaml" {
            "chart yaml not in base directory"
        } else {
            "chart illegally contains content outside the base directory"
        };
        return Err(ChartError::new(text));
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in inside.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| ChartError::new("chart illegally references parent directory"))?;
            }
            part => parts.push(part),
        }
    }
    match (folder, parts.as_slice()) {
        (_, []) => Err(ChartError::new("chart illegally contains content outside the base directory")),
        ("Chart.yaml", _) => Err(ChartError::new("chart yaml not in base directory")),
        (_, parts) => Ok(parts.join("/")),
    }
}

/// The content without the byte order mark that some editors put in front.
pub(crate) fn without_byte_order_mark(data: Vec<u8>) -> Bytes {
    let data = Bytes::from(data);
    if data.starts_with(BYTE_ORDER_MARK) { data.slice(BYTE_ORDER_MARK.len()..) } else { data }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    /// A packed chart of these files, whose names include the chart's folder.
    pub(crate) fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, data) in files {
            let mut header = tar::Header::new_gnu();
            let field = &mut header.as_gnu_mut().unwrap().name;
            field[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(data.len() as u64);
            header.set_mode(0o644);
            header.set_cksum();
            builder.append(&header, *data).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(archive: &[u8]) -> Result<Vec<File>, ChartError> {
        unpack(archive, &mut Budget::default())
    }

    fn refusal(name: &str) -> String {
        unpacked(&pack(&[(name, b"x")])).unwrap_err().to_string()
    }

    #[test]
    fn files_lose_the_folder_and_the_byte_order_mark() {
        let files =
            unpacked(&pack(&[("demo/Chart.yaml", b"\xef\xbb\xbfname: demo"), ("demo/a/./b", b"")])).unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["Chart.yaml", "a/b"]);
        assert_eq!(files[0].data.as_ref(), b"name: demo");
    }

    #[test]
    fn names_that_lead_out_of_the_chart_are_refused() {
        assert_eq!(refusal("demo/../../etc/passwd"), "chart illegally references parent directory");
        assert_eq!(refusal("demo/.."), "chart illegally references parent directory");
        assert_eq!(refusal("Chart.yaml"), "chart yaml not in base directory");
        assert_eq!(refusal("lone"), "chart illegally contains content outside the base directory");
        assert_eq!(refusal("demo/c:/x"), "chart contains illegally named files");
    }

    #[test]
    fn links_are_refused() {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, "demo/values.yaml", "/etc/passwd").unwrap();
        let archive = builder.into_inner().unwrap().finish().unwrap();
        assert!(unpacked(&archive).unwrap_err().to_string().contains("which is a link"));
    }

    #[test]
    fn a_file_or_chart_that_is_too_large_is_refused_before_it_is_read() {
        let large = vec![0_u8; usize::try_from(MAX_FILE_BYTES).unwrap() + 1];
        assert!(
            unpacked(&pack(&[("demo/big", &large)]))
                .unwrap_err()
                .to_string()
                .contains("larger than the maximum file")
        );
        let part = &large[..large.len() - 1];
        let names: Vec<String> = (0..21).map(|number| format!("demo/part{number}")).collect();
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), part)).collect();
        assert!(unpacked(&pack(&files)).unwrap_err().to_string().contains("larger than the maximum size"));
    }

    #[test]
    fn what_is_no_archive_or_empty_is_an_error() {
        assert!(unpacked(b"hello").unwrap_err().to_string().starts_with("chart archive cannot be read"));
        assert_eq!(unpacked(&pack(&[])).unwrap_err().to_string(), "no files in chart archive");
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_files_or_an_error(content in prop::collection::vec(any::<u8>(), 0..2048)) {
            let _ = unpacked(&content);
            let mut gzipped = GzEncoder::new(Vec::new(), Compression::fast());
            gzipped.write_all(&content).unwrap();
            let _ = unpacked(&gzipped.finish().unwrap());
        }

        #[test]
        fn no_name_leads_out_of_the_chart(name in "[a-c./\\\\:]{1,30}") {
            if let Ok(inside) = name_in_chart(&name) {
                prop_assert!(!inside.starts_with('/'));
                prop_assert!(inside.split('/').all(|part| !matches!(part, "" | "." | "..")), "{}", inside);
            }
        }

        #[test]
        fn a_damaged_archive_ends_in_files_or_an_error(at in 0_usize..200, byte in any::<u8>()) {
            let mut archive = pack(&[("demo/Chart.yaml", b"name: demo"), ("demo/templates/a.yaml", b"a: 1")]);
            let at = at % archive.len();
            archive[at] = byte;
            let _ = unpacked(&archive);
        }
    }
}
