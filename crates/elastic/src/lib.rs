//! Elasticsearch retention and Kibana saved objects.
