//! The percentile table has the columns that plotters of HdrHistogram files expect.

use standfast_loadgen::{hgrm, latency};

#[test]
fn the_table_counts_every_value_and_is_in_milliseconds() {
    let mut histogram = latency::empty();
    for value_us in 1..=1000 {
        histogram.record(value_us * 1000).unwrap();
    }
    let mut out = Vec::new();
    hgrm::write(&mut out, &histogram).unwrap();
    let text = String::from_utf8(out).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(header, ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]);
    let rows: Vec<Vec<f64>> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().map(|cell| cell.parse().unwrap()).collect())
        .collect();
    let half = rows.iter().find(|row| (row[1] - 0.5).abs() < 1e-9).unwrap();
    // Three significant digits.
    assert!((half[0] - 500.0).abs() < 0.5 && (half[2] - 500.0).abs() < 1.0, "{half:?}");
    assert!((half[3] - 2.0).abs() < 1e-9);
    let last = rows.last().unwrap();
    assert_eq!((last.len(), last[1], last[2]), (3, 1.0, 1000.0), "no infinite column");
    assert!(rows.windows(2).all(|pair| pair[0][0] <= pair[1][0] && pair[0][2] <= pair[1][2]));
    assert!(text.contains("#[Mean") && text.contains("#[Max"));
}

#[test]
fn an_empty_distribution_is_a_table_too() {
    let mut out = Vec::new();
    hgrm::write(&mut out, &latency::empty()).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("Total count    =            0]"));
}
