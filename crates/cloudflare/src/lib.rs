//! DNS records on Cloudflare.
