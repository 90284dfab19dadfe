//! `printf`: reading a format and taking its arguments.

use super::flags::{Flags, MAX_WIDTH};
use super::printer::Printer;
use crate::value::Value;

/// The format that is being read, and the argument that comes next.
struct Format<'f> {
    rest: &'f str,
    values: &'f [Value],
    next: usize,
    /// An explicit `[n]` was given, after which unused arguments are no complaint.
    reordered: bool,
    /// The last `[n]` was good.
    index_is_good: bool,
    after_index: bool,
}

/// Prints `values` by `format`.
pub(super) fn format(printer: &mut Printer, format: &str, values: &[Value]) {
    let mut reader =
        Format { rest: format, values, next: 0, reordered: false, index_is_good: true, after_index: false };
    while let Some(percent) = reader.rest.find('%') {
        let (text, directive) = reader.rest.split_at(percent);
        printer.push_str(text);
        reader.rest = directive.strip_prefix('%').unwrap_or_default();
        reader.directive(printer);
    }
    printer.push_str(reader.rest);
    reader.report_extra(printer);
}

impl<'f> Format<'f> {
    fn takes(&mut self, character: char) -> bool {
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn number(&mut self) -> Option<usize> {
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at_checked(length)?;
        let number = digits.parse().ok().filter(|number| *number <= MAX_WIDTH);
        if length > 0 {
            self.rest = rest;
        }
        number
    }

    /// A bare `%s` or `%v` of text, which most are; false if it is something else.
    fn plain_text(&mut self, printer: &mut Printer) -> bool {
        let Some(rest) = self.rest.strip_prefix(['s', 'v']) else { return false };
        let Some(Value::String(text)) = self.values.get(self.next) else { return false };
        printer.push_bytes(text.as_bytes());
        self.rest = rest;
        self.next += 1;
        true
    }

    fn directive(&mut self, printer: &mut Printer) {
        if self.plain_text(printer) {
            return;
        }
        self.index_is_good = true;
        self.after_index = false;
        let mut flags = self.flags();
        self.argument_index();
        self.width(&mut flags, printer);
        self.precision(&mut flags, printer);
        if !self.after_index {
            self.argument_index();
        }
        let Some(verb) = self.rest.chars().next() else { return printer.push_str("%!(NOVERB)") };
        self.takes(verb);
        if verb == '%' {
            return printer.push_str("%");
        }
        if !self.index_is_good {
            return printer.push_str(&format!("%!{verb}(BADINDEX)"));
        }
        let Some(value) = self.values.get(self.next) else {
            return printer.push_str(&format!("%!{verb}(MISSING)"));
        };
        self.next += 1;
        if verb == 'v' {
            flags.sharp_v = std::mem::take(&mut flags.sharp);
            flags.plus_v = std::mem::take(&mut flags.plus);
        }
        printer.flags = flags;
        printer.argument(value, verb);
        printer.flags = Flags::default();
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        loop {
            match self.rest.chars().next() {
                Some('#') => flags.sharp = true,
                Some('0') => flags.zero = true,
                Some('+') => flags.plus = true,
                Some('-') => flags.minus = true,
                Some(' ') => flags.space = true,
                _ => return flags,
            }
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
    }

    /// `[n]`: the argument to take next.
    fn argument_index(&mut self) {
        let Some(rest) = self.rest.strip_prefix('[') else { return };
        self.reordered = true;
        let Some((inside, after)) = rest.split_once(']') else {
            self.index_is_good = false;
            self.rest = rest;
            return;
        };
        self.rest = after;
        self.after_index = true;
        match inside.parse::<usize>() {
            Ok(index) if (1..=self.values.len()).contains(&index) => self.next = index - 1,
            _ => self.index_is_good = false,
        }
    }

    /// `*`: a number taken from the arguments.
    fn argument_number(&mut self) -> Option<i64> {
        let number = match self.values.get(self.next) {
            Some(Value::Int(number) | Value::Int64(number)) => Some(*number),
            _ => None,
        };
        self.next = (self.next + 1).min(self.values.len());
        self.after_index = false;
        number.filter(|number| usize::try_from(number.unsigned_abs()).is_ok_and(|size| size <= MAX_WIDTH))
    }

    fn width(&mut self, flags: &mut Flags, printer: &mut Printer) {
        if !self.takes('*') {
            flags.width = self.number();
            if flags.width.is_some() && self.after_index {
                self.index_is_good = false;
            }
            return;
        }
        match self.argument_number() {
            None => printer.push_str("%!(BADWIDTH)"),
            Some(width) => {
                flags.minus |= width < 0;
                flags.width = usize::try_from(width.unsigned_abs()).ok();
            }
        }
    }

    fn precision(&mut self, flags: &mut Flags, printer: &mut Printer) {
        if !self.takes('.') {
            return;
        }
        if self.after_index {
            self.index_is_good = false;
        }
        self.argument_index();
        if !self.takes('*') {
            flags.precision = Some(self.number().unwrap_or(0));
            return;
        }
        match self.argument_number() {
            Some(precision) if precision >= 0 => flags.precision = usize::try_from(precision).ok(),
            _ => printer.push_str("%!(BADPREC)"),
        }
    }

    fn report_extra(&self, printer: &mut Printer) {
        let extra = self.values.get(self.next..).unwrap_or_default();
        if self.reordered || extra.is_empty() {
            return;
        }
        printer.push_str("%!(EXTRA ");
        for (index, value) in extra.iter().enumerate() {
            if index > 0 {
                printer.push_str(", ");
            }
            if !matches!(value, Value::Nil) {
                printer.push_str(&value.type_name());
                printer.push_str("=");
            }
            printer.argument(value, 'v');
        }
        printer.push_str(")");
    }
}
