//! The zone that moments are shown in.

use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use proto::google::Timestamp;

/// The zone that moments are shown in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Default for Zone {
    /// UTC, which is Hubble's.
    fn default() -> Self {
        Self::UTC
    }
}

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// The zone of this process: the variable `TZ`, else the machine's (`/etc/localtime`); UTC where
    /// neither can be read, which headings then say.
    pub fn local() -> Self {
        TimeZone::try_system().map_or(Self::UTC, Self)
    }

    /// The zone of that name, as `TZ` would have it: `Europe/Berlin`, or `CET-1` (a POSIX rule).
    pub fn named(name: &str) -> Option<Self> {
        let zone = TimeZone::get(name).or_else(|_unknown| TimeZone::posix(name));
        zone.ok().map(Self)
    }

    /// How far it is from UTC at a moment.
    pub(super) fn offset(&self, moment: jiff::Timestamp) -> Offset {
        self.0.to_offset(moment)
    }

    /// The day of a moment there.
    pub(super) fn date(&self, moment: jiff::Timestamp) -> Date {
        self.offset(moment).to_datetime(moment).date()
    }

    /// When it is that time there; `None` at the ends of all time.
    pub(super) fn moment(&self, time: jiff::civil::DateTime) -> Option<jiff::Timestamp> {
        Some(self.0.to_zoned(time).ok()?.timestamp())
    }

    /// When a day begins there.
    pub(super) fn midnight(&self, date: Date) -> Option<jiff::Timestamp> {
        let start = self.0.to_zoned(date.at(0, 0, 0, 0)).ok()?;
        Some(start.timestamp())
    }

    /// What it is called at a moment: `CET`, `CEST`, `UTC`, `+03` where it has no letters.
    pub fn abbreviation(&self, moment: Timestamp) -> String {
        match moment.checked() {
            Ok(moment) => self.0.to_offset_info(moment).abbreviation().to_owned(),
            Err(_invalid) => self.abbreviation(Timestamp::default()),
        }
    }

    /// Whether it is called so at a moment.
    pub(crate) fn is_called(&self, name: &str, moment: Timestamp) -> bool {
        match moment.checked() {
            Ok(moment) => self.0.to_offset_info(moment).abbreviation() == name,
            Err(_invalid) => self.is_called(name, Timestamp::default()),
        }
    }

    /// A heading of moments that says their zone: `TIMESTAMP (CET)`.
    pub fn heading(&self, heading: &str, moment: Timestamp) -> String {
        format!("{heading} ({})", self.abbreviation(moment))
    }

    /// The time of day of a moment (Unix ns): `12:03:04.123`.
    pub fn clock(&self, ns: i64) -> String {
        self.strftime(ns, "%H:%M:%S%.3f")
    }

    /// The same to the second: `12:03:04`.
    pub fn clock_seconds(&self, ns: i64) -> String {
        self.strftime(ns, "%H:%M:%S")
    }

    /// A moment (Unix ns) in full, for what is far from now: `2026-11-23 12:03:04 CET`.
    pub fn moment_text(&self, ns: i64) -> String {
        let name = self.abbreviation(Timestamp::from_unix_nanos(ns));
        format!("{} {name}", self.strftime(ns, "%Y-%m-%d %H:%M:%S"))
    }

    /// The hour of a moment (Unix ns) with its day: `11-23 07h`.
    pub fn hour(&self, ns: i64) -> String {
        self.strftime(ns, "%m-%d %Hh")
    }

    fn strftime(&self, ns: i64, format: &str) -> String {
        match Timestamp::from_unix_nanos(ns).checked() {
            Ok(moment) => self
                .offset(moment)
                .to_datetime(moment)
                .strftime(format)
                .to_string(),
            Err(_invalid) => "N/A".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_names_and_clocks() {
        let winter = 1_767_225_669_120_500_000;
        let summer = 1_783_000_000_000_000_000;
        for (zone, ns, name, clock, hour) in [
            ("UTC0", winter, "UTC", "00:01:09.120", "01-01 00h"),
            ("CET-1", winter, "CET", "01:01:09.120", "01-01 01h"),
            (
                "CET-1CEST,M3.5.0,M10.5.0/3",
                winter,
                "CET",
                "01:01:09.120",
                "01-01 01h",
            ),
            (
                "CET-1CEST,M3.5.0,M10.5.0/3",
                summer,
                "CEST",
                "15:46:40.000",
                "07-02 15h",
            ),
            ("<+0545>-5:45", winter, "+0545", "05:46:09.120", "01-01 05h"),
            ("PST8", winter, "PST", "16:01:09.120", "12-31 16h"),
        ] {
            let known = Zone::named(zone).unwrap();
            let moment = Timestamp::from_unix_nanos(ns);
            assert_eq!(known.abbreviation(moment), name, "{zone}");
            assert_eq!(known.heading("TIME", moment), format!("TIME ({name})"));
            assert_eq!(known.clock(ns), clock, "{zone}");
            assert_eq!(known.hour(ns), hour, "{zone}");
        }
        assert_eq!(Zone::UTC.abbreviation(Timestamp::default()), "UTC");
        assert_eq!(Zone::named("Nowhere/Atall"), None);
    }
}
