use crate::image::ImageReference;
use crate::quantity::{Bytes, MilliCpu, Resources};
use crate::settings::{Settings, SettingsError, variable_name};

/// Reads settings and collects what is wrong with them, so that all of it can be reported together.
///
/// Where something is wrong, methods answer with a stand-in, which nobody sees because the errors are what is answered in the end. Of a setting that could not be
/// read nothing more is reported, and what concerns several settings only where [all of them were read](Self::were_read).
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) settings: &'a Settings,
    errors: Vec<SettingsError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self { settings, errors: Vec::new() }
    }

    pub(super) fn into_errors(self) -> Vec<SettingsError> {
        self.errors
    }

    /// Whether all of these settings are what the operator wants, so that it can be judged whether they go together.
    pub(super) fn were_read(&self, names: &[&str]) -> bool {
        !names.iter().any(|name| self.settings.is_unread(name))
    }

    /// Reports that the value of a setting is wrong.
    pub(super) fn wrong(&mut self, name: &str, value: impl ToString, message: impl Into<String>) {
        if self.were_read(&[name]) {
            self.errors.push(SettingsError::new(name, value.to_string(), message));
        }
    }

    /// Reports that a setting is missing.
    pub(super) fn missing(&mut self, name: &str, message: impl Into<String>) {
        if self.were_read(&[name]) {
            self.errors.push(SettingsError::missing(name, message));
        }
    }

    /// Reports that a setting is needed because of `why`, and how it can be given.
    pub(super) fn needed(&mut self, name: &str, why: &str) {
        self.missing(name, format!("{why}: give --{name} or set {}", variable_name(name)));
    }

    /// Reports that a secret is needed because of `why`, and how it can be given.
    pub(super) fn needed_secret(&mut self, name: &str, why: &str) {
        self.missing(name, format!("{why}: set {} or give --{name}-file", variable_name(name)));
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.settings.text(name).filter(|text| !text.is_empty())
    }

    /// A text, read by `read`.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(name)?;
        read(text).map_err(|message| self.wrong(name, text, message)).ok()
    }

    /// An image with tag or digest: of another nobody knows what runs.
    pub(super) fn image(&mut self, name: &str) -> Option<ImageReference> {
        self.parsed(name, |text| {
            let image = ImageReference::parse(text)?;
            let names_a_build = image.tag().is_some() || image.digest().is_some();
            names_a_build.then_some(image).ok_or_else(|| {
                "an image without tag or digest may be another one on every pull: add a tag or a digest"
                    .to_owned()
            })
        })
    }

    /// A number that fits 32 bits; the catalogue's bounds see to that.
    pub(super) fn number(&self, name: &str) -> u32 {
        let number = self.settings.number(name).unwrap_or_default();
        u32::try_from(number).unwrap_or(u32::MAX)
    }

    /// Processor and memory, both more than nothing.
    pub(super) fn resources(&mut self, cpu: &str, memory: &str) -> Resources {
        Resources { cpu: self.cpu(cpu), memory: self.bytes(memory) }
    }

    pub(super) fn cpu(&mut self, name: &str) -> MilliCpu {
        let cpu = self.settings.cpu(name).unwrap_or_default();
        if cpu.0 == 0 {
            self.wrong(name, cpu, "it must be more than nothing, such as 1 or 100m");
        }
        cpu
    }

    pub(super) fn bytes(&mut self, name: &str) -> Bytes {
        let bytes = self.settings.bytes(name).unwrap_or_default();
        if bytes.0 == 0 {
            self.wrong(name, bytes, "it must be more than nothing, such as 2 (GiB) or 500Mi");
        }
        bytes
    }
}
