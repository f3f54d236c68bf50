//! What every store promises, held against both: the same cases run over SQLite and a real Postgres.
//! Nothing waits for time to pass; every wait is for the thing itself.

mod fixture;
mod link;
mod postgres;
mod sqlite;
mod suite;

macro_rules! cases {
    ($($module:ident: $($case:ident),+;)+) => {
        mod over_sqlite {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let (store, _folder) = crate::fixture::sqlite().await;
                    crate::suite::$module::$case(store).await;
                }
            )+)+
        }
        mod over_postgres {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::suite::$module::$case(crate::fixture::postgres().await).await;
                }
            )+)+
        }
    };
}

cases! {
    commits: a_campaign_is_folded_back_as_it_was, the_rows_equal_what_is_outstanding,
        a_stale_version_changes_nothing, a_bad_run_fails_alone, what_the_database_refuses_fails_alone,
        contents_come_back_to_the_byte, a_snapshot_of_another_form_is_not_needed,
        a_run_may_be_named_once_in_a_batch, a_large_batch_is_committed_whole;
    races: one_writer_wins_each_version, crossing_batches_do_not_lock_up, one_submit_wins_a_key,
        two_submits_of_one_batch_share_a_key, what_a_run_holds_is_its_own_until_it_rests, a_dropped_commit_is_whole_or_nothing;
    scans: timers_come_in_order, silent_jobs_come_in_pages, changed_runs_come_in_pages,
        events_come_in_pages;
    queue: ready_jobs_come_in_their_order, what_is_claimed_is_sent_and_nothing_else, one_claim_wins_each_job,
        a_pace_holds_over_all_claims, a_pace_lets_a_burst_go_and_no_more, a_share_is_held_until_its_jobs_end,
        what_is_given_up_is_never_claimed, a_dropped_claim_is_whole_or_nothing, a_run_says_what_keeps_its_jobs;
    queries: runs_are_listed_newest_first, versions_say_which_is_active, keys_name_their_tenant,
        plans_and_blobs_are_kept_once, open_reviews_wait_the_longest_first, tenants_do_not_see_each_other;
    library: entries_come_back_in_versions, only_the_expected_version_is_changed,
        a_deleted_name_keeps_its_versions, names_and_versions_come_in_pages,
        one_writer_wins_each_version_of_a_name, many_make_one_name_once,
        libraries_are_the_tenants_own, what_cannot_be_kept_is_refused;
}
