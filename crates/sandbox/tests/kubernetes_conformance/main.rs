//! What every Kubernetes 1.36 API server does, asked over HTTP.
//!
//! Each test runs on a simulated cluster and, ignored unless asked for, on the real API server of the kubeconfig that
//! `SPACECRAFT_TEST_KUBECONFIG` names:
//!
//! ```text
//! SPACECRAFT_TEST_KUBECONFIG=... cargo test -p spacecraft-sandbox --test kubernetes_conformance -- --ignored real
//! ```
//!
//! Nothing here leans on containers that run, and nothing on controllers outside the API server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod apply;
mod custom;
mod documents;
mod host;
mod reads;
mod rules;
mod subject;
mod writes;

/// Makes one test on a simulated and one on a real API server of each function of a module.
macro_rules! conformance {
    ($($module:ident: $($name:ident),+;)+) => {
        mod simulated {
            $(mod $module {
                $(#[tokio::test]
                async fn $name() {
                    let subject = crate::subject::Subject::simulated().await;
                    crate::$module::$name(&subject).await;
                    subject.finish().await;
                })+
            })+
        }
        mod real {
            $(mod $module {
                $(#[tokio::test]
                #[ignore = "needs a real API server, named by SPACECRAFT_TEST_KUBECONFIG"]
                async fn $name() {
                    let subject = crate::subject::Subject::real().await;
                    crate::$module::$name(&subject).await;
                    subject.finish().await;
                })+
            })+
        }
    };
}

conformance! {
    documents:
        it_is_alive_and_says_its_version,
        discovery_lists_groups_and_resources,
        openapi_describes_every_group,
        an_unknown_path_is_not_found,
        an_unknown_method_or_media_type_is_refused,
        whoever_asks_learns_what_they_may_do;
    writes:
        creating_fills_in_metadata,
        creating_twice_is_refused,
        a_name_is_generated_from_its_prefix,
        a_namespace_must_exist_and_match,
        unknown_and_duplicate_fields_are_refused_when_strict,
        unknown_fields_are_warned_of_or_ignored_otherwise,
        a_value_of_the_wrong_type_is_refused,
        a_dry_run_stores_nothing,
        replacing_needs_the_latest_version,
        json_patches_change_what_they_name,
        merge_patches_remove_by_null,
        strategic_patches_merge_lists_by_key,
        generations_count_changes_of_the_spec,
        status_changes_only_through_its_subresource,
        scale_reads_and_sets_the_replicas,
        deleting_answers_with_success_and_then_not_found,
        deleting_keeps_to_its_preconditions,
        finalizers_hold_what_is_deleted,
        a_collection_is_deleted_by_selector,
        a_namespace_that_goes_away_takes_nothing_new;
    apply:
        applying_creates_and_then_changes_nothing,
        what_is_no_longer_applied_goes_away,
        what_others_own_conflicts_unless_forced,
        containers_merge_by_name,
        updates_own_what_they_change,
        an_application_needs_its_manager_and_known_fields,
        applied_quantities_are_stored_in_their_canonical_form;
    reads:
        lists_select_by_labels_and_fields,
        elements_of_lists_do_not_repeat_their_kind,
        lists_come_in_pages,
        an_unknown_field_cannot_be_selected_by,
        a_watch_tells_what_happened_since_a_version,
        a_watch_by_label_adds_and_deletes_what_comes_to_match_or_not,
        a_watch_can_begin_with_the_present_state_and_a_bookmark,
        tables_have_the_columns_of_their_kind;
    rules:
        defaults_of_a_deployment_are_filled_in,
        names_and_labels_keep_their_form,
        selectors_match_their_templates_and_stay,
        services_get_addresses_and_ports_of_their_range,
        cluster_addresses_stay,
        secrets_take_text_and_keep_their_word,
        claims_need_a_size_and_stay,
        containers_need_names_images_and_known_volumes,
        jobs_and_budgets_and_ingresses_keep_their_rules,
        pod_security_warns_as_its_labels_say;
    custom:
        a_definition_brings_a_new_resource,
        custom_resources_are_pruned_and_checked;
}
