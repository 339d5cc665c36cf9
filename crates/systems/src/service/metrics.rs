//! What services count, in the form in which it is read.

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// All of `registry` in Prometheus's text form.
pub(crate) fn text(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = encode(&mut text, registry);
    text
}

/// Brings a counter up to what was counted elsewhere.
pub(crate) fn raise(counter: &Counter, to: u64) {
    counter.inc_by(to.saturating_sub(counter.get()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_raised_to_a_count_and_never_lowered() {
        let (mut registry, counter) = (Registry::with_prefix("shop"), Counter::default());
        registry.register("sales", "Sales", counter.clone());
        for (to, shown) in [(3, 3), (7, 7), (5, 7)] {
            raise(&counter, to);
            let line = format!("\nshop_sales_total {shown}\n");
            assert!(text(&registry).contains(&line), "{}", text(&registry));
        }
    }
}
