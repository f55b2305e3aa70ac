{{ public_county_indicators(is_sensitive='true') }}
