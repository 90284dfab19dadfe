//! Google Kubernetes Engine, Compute Engine and Cloud Storage for Spacecraft.
