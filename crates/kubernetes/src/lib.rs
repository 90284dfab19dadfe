//! Workloads on any Kubernetes API, and clusters named by a kubeconfig.
