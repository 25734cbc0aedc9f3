//! Ports that Windows keeps for itself: Hyper-V, WSL and Docker have it set aside hundreds, others at each start, and
//! binding one fails as if the right to were missing (`WSAEACCES`).

/// Ranges from the answer of `netsh interface ipv4 show excludedportrange protocol=tcp`, in any language: a range is a
/// line of two numbers, and a `*` behind those that an administrator reserved.
#[must_use]
pub fn read_excluded(answer: &str) -> Vec<(u16, u16)> {
    let range = |line: &str| {
        let mut words = line.split_whitespace();
        let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let marked = words.next().is_none_or(|mark| mark == "*") && words.next().is_none();
        (marked && first <= last).then_some((first, last))
    };
    answer.lines().filter_map(range).collect()
}

/// Why a port can't be bound, where it lies in one of the ranges.
#[must_use]
pub fn excluded_reason(port: u16, ranges: &[(u16, u16)]) -> Option<String> {
    let (first, last) = ranges.iter().find(|(first, last)| (*first..=*last).contains(&port))?;
    let which = if first == last { format!("port {first}") } else { format!("the ports {first}-{last}") };
    Some(format!("Windows has reserved {which} (for Hyper-V, WSL or Docker, mostly); choose ports outside"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: &str = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n\
        ----------    --------      \r\n      5357        5357      \r\n     50000       50059     *\r\n\r\n\
        * - Administered port exclusions.\r\n";
    const CHINESE: &str = "\r\n协议 tcp 端口排除范围\r\n\r\n开始端口    结束端口\r\n----------    --------\r\n\
        \x20     7000        7099\r\n\r\n* - 管理的端口排除。\r\n";

    #[test]
    fn the_ranges_are_read_in_any_language() {
        assert_eq!(read_excluded(ENGLISH), [(5357, 5357), (50_000, 50_059)]);
        assert_eq!(read_excluded(CHINESE), [(7000, 7099)]);
        assert_eq!(read_excluded("1 2 3\n9 8\n70000 70001\n"), []);
    }

    #[test]
    fn a_port_in_a_range_is_told_with_the_range() {
        let ranges = read_excluded(ENGLISH);
        let reason = excluded_reason(50_010, &ranges).unwrap();
        assert!(reason.contains("50000-50059") && reason.contains("Hyper-V"), "{reason}");
        assert!(excluded_reason(5357, &ranges).unwrap().contains("port 5357"));
        assert_eq!(excluded_reason(50_060, &ranges), None);
    }
}
