"""What leaves the platform for a receiver, under the receiver's own pseudonyms."""
