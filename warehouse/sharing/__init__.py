"""What leaves the platform: requests, decisions, packages under the receiver's own pseudonyms, standard bundles, a log of releases."""
