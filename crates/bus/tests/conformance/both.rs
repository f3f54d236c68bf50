//! The checks that every bus passes.

/// Runs each check on both buses.
macro_rules! on_both {
    ($($module:ident: $($check:ident),+;)+) => {
        mod in_memory {
            $(mod $module {
                $(#[tokio::test(start_paused = true)]
                async fn $check() {
                    crate::$module::$check(&bus::Memory::new()).await;
                })+
            })+
        }

        mod over_nats {
            $(mod $module {
                $(#[tokio::test]
                async fn $check() {
                    let server = rig::Nats::own().await.expect("a server");
                    let bus = crate::kit::connect(server.url()).await;
                    crate::$module::$check(&bus).await;
                })+
            })+
        }
    };
}

on_both! {
    queues:
        what_is_published_comes_once_and_whole,
        what_is_not_acked_comes_again,
        what_is_given_back_comes_again_after_its_delay,
        a_repeat_is_taken_once,
        a_queue_gives_each_message_to_one,
        queues_do_not_mix,
        no_more_than_asked_comes,
        a_dropped_call_loses_nothing,
        a_large_batch_is_answered_in_order,
        a_subject_is_held_until_acked_or_purged,
        a_signed_job_verifies_on_the_other_side;
    events:
        a_feed_from_now_has_no_past,
        a_feed_starts_at_a_sequence,
        a_feed_starts_at_a_moment,
        a_feed_of_a_tenant_has_no_other,
        a_repeated_event_comes_once,
        a_broadcast_reaches_who_listens,
        live_text_reaches_who_listens_to_its_run_and_is_kept_nowhere;
    misuse:
        what_no_bus_can_take_is_refused_alone,
        a_wrong_subject_is_refused;
}
