//! Reading `traceparent`, and the decisions, without a process around them.

use super::*;

const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A number that a ratio of 0.5 keeps, as an id of a span and, by its low half, of a trace.
fn low() -> u128 {
    7
}

/// One that it drops.
fn high() -> u128 {
    u128::MAX
}

fn tracer(sampler: Sampler, chance: fn() -> u128) -> (Arc<Tracer>, mpsc::Receiver<Span>) {
    Tracer::new(sampler, chance, 2)
}

fn half() -> Sampler {
    Sampler::ratio(0.5).expect("a ratio")
}

#[test]
fn a_traceparent_is_read_as_it_is_written() {
    let read = SpanContext::read(GIVEN).expect("well formed");
    assert_eq!((read.trace, read.span), (0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331));
    assert!(read.sampled);
    assert_eq!(read.to_string(), GIVEN);
    let off = SpanContext::read(&GIVEN.replace("-01", "-00")).expect("well formed");
    assert!(!off.sampled);
    // A later version may say more, and other flags mean nothing here.
    assert_eq!(SpanContext::read(&format!("cc{}-more", &GIVEN[2..])), Some(read));
    assert_eq!(SpanContext::read(&GIVEN.replace("-01", "-03")), Some(read));
}

#[test]
fn a_malformed_traceparent_is_none() {
    let zeros = (&GIVEN[3..35], &GIVEN[36..52]);
    for text in [
        "",
        "00",
        &GIVEN[..54],
        &format!("{GIVEN}-00"),
        &format!("{GIVEN} "),
        &GIVEN.replace("00-", "ff-"),
        &GIVEN.to_ascii_uppercase(),
        &GIVEN.replace(zeros.0, &"0".repeat(32)),
        &GIVEN.replace(zeros.1, &"0".repeat(16)),
        &GIVEN.replace('7', "ä"),
        &GIVEN.replace('7', "+"),
    ] {
        assert_eq!(SpanContext::read(text), None, "{text:?}");
    }
}

#[test]
fn samplers_have_the_names_of_open_telemetry() {
    let above = |sampled| SpanContext { trace: 1, span: 1, sampled };
    let decides = |name, argument| {
        let sampler = Sampler::named(name, argument)?;
        Some((sampler.keeps(low()), sampler.keeps(high()), sampler.follows(above(true)), sampler.follows(above(false))))
    };
    assert_eq!(decides("always_on", ""), Some((true, true, true, true)));
    assert_eq!(decides("always_off", "1"), Some((false, false, false, false)));
    assert_eq!(decides("traceidratio", "0.5"), Some((true, false, true, true)));
    assert_eq!(decides("traceidratio", "0"), Some((false, false, false, false)));
    assert_eq!(decides("parentbased_always_on", ""), Some((true, true, true, false)));
    assert_eq!(decides("parentbased_always_off", ""), Some((false, false, true, false)));
    assert_eq!(decides("parentbased_traceidratio", "1"), Some((true, true, true, false)));
    assert_eq!(decides("parentbased_traceidratio", ""), Some((true, true, true, false)));
    for (name, argument) in [("xray", ""), ("", ""), ("traceidratio", "2"), ("traceidratio", "NaN"), ("jaeger", "1")] {
        assert_eq!(decides(name, argument), None, "{name} {argument}");
    }
}

#[test]
fn a_stranger_gives_the_trace_and_does_not_decide() {
    let (kept, mut queue) = tracer(half(), low);
    let (parent, span) = kept.accept(Some(&GIVEN.replace("-01", "-00")), "GET".into());
    assert!(parent.context().sampled && parent.context().trace == 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
    drop(span);
    let span = queue.try_recv().expect("a span");
    assert_eq!((span.context, span.parent, span.of_another), (parent.context(), 0xb7ad_6b71_6920_3331, true));

    let (dropped, mut queue) = tracer(half(), high);
    let (parent, span) = dropped.accept(Some(GIVEN), "GET".into());
    assert!(span.is_none() && !parent.context().sampled);
    // The decision holds for all that follows, whoever decides next.
    let next = tracer(Sampler::default(), low).0.follow(Some(&parent.context().to_string()));
    assert!(!next.context().sampled);
    assert!(queue.try_recv().is_err());
}

#[test]
fn our_own_programs_decide_for_those_behind_them() {
    let (none, mut queue) = tracer(Sampler::named("parentbased_always_off", "").expect("a sampler"), low);
    let mut parent = none.follow(Some(GIVEN));
    drop(parent.enter("service/Method"));
    let span = queue.try_recv().expect("a span");
    assert_eq!((span.parent, span.of_another, span.kind), (0xb7ad_6b71_6920_3331, true, Kind::Server));
    assert_eq!(parent.context(), span.context);
    drop(parent.enter("service/Below"));
    let below = queue.try_recv().expect("a span");
    assert_eq!((below.parent, below.of_another, below.kind), (span.context.span, false, Kind::Internal));
    assert!(none.follow(None).enter("service/Method").is_none());
}

#[test]
fn a_trace_begins_with_a_span_that_has_no_parent() {
    let (all, mut queue) = tracer(Sampler::default(), low);
    let (context, span) = all.send("", "POST");
    drop(span);
    let span = queue.try_recv().expect("a span");
    assert_eq!((span.parent, span.of_another, span.context), (0, false, context));
    let (below, _) = all.send(&context.to_string(), "POST");
    assert_eq!(below.trace, context.trace);
}

#[test]
fn spans_that_nobody_takes_are_counted_and_dropped() {
    let (all, mut queue) = tracer(Sampler::default(), low);
    for _ in 0..5 {
        drop(all.send("", "POST"));
    }
    assert_eq!(all.lost(), 3);
    assert!(queue.try_recv().is_ok() && queue.try_recv().is_ok() && queue.try_recv().is_err());
}

#[test]
fn only_the_servers_own_failures_fail_a_call() {
    let (all, mut queue) = tracer(Sampler::default(), low);
    for (code, failed) in [(Code::Ok, false), (Code::NotFound, false), (Code::Internal, true)] {
        let (_, span) = all.send("", "POST");
        span.expect("all are kept").called(code);
        let span = queue.try_recv().expect("a span");
        assert_eq!(span.failed, failed, "{code:?}");
        assert!(span.attributes.contains(&("rpc.grpc.status_code", Value::Number(i64::from(i32::from(code))))));
    }
}
