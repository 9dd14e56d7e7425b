//! A calendar day, for exemptions that end.
#![forbid(unsafe_code)]

use std::fmt;

/// A day of the Gregorian calendar, in UTC: the local time zone could be told to us by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
}

impl Date {
    /// The day that holds this time, in seconds since 1970-01-01T00:00:00Z.
    ///
    /// Counts in eras of 400 years that begin on a first of March, so that the leap day is the last
    /// of its year.
    #[must_use]
    pub fn of_epoch(seconds: u64) -> Self {
        let days = seconds / 86_400 + 719_468;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = year_of_era + days / 146_097 * 400 + u64::from(month <= 2);
        Date {
            year: u16::try_from(year).unwrap_or(u16::MAX),
            month: u8::try_from(month).unwrap_or(12),
            day: u8::try_from(day_of_year - (153 * march_month + 2) / 5 + 1).unwrap_or(31),
        }
    }
}

impl Date {
    /// The day as four bytes.
    pub(super) fn packed(self) -> [u8; 4] {
        let [low, high] = self.year.to_le_bytes();
        [low, high, self.month, self.day]
    }

    /// The day of four bytes.
    pub(super) fn unpacked([low, high, month, day]: [u8; 4]) -> Self {
        Date { year: u16::from_le_bytes([low, high]), month, day }
    }
}

impl From<toml::value::Date> for Date {
    /// The parser has checked that there is such a day.
    fn from(date: toml::value::Date) -> Self {
        Date { year: date.year, month: date.month, day: date.day }
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    #[test]
    fn a_time_falls_on_its_day() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_798_675_200, "2026-12-31"),
            (1_798_761_600, "2027-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(Date::of_epoch(seconds).to_string(), day);
        }
    }

    #[test]
    fn a_clock_out_of_its_mind_is_far_in_the_future() {
        assert!(Date::of_epoch(u64::MAX) > Date::of_epoch(4_107_542_400));
    }
}
