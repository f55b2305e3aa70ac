{{ public_city_indicators('viz_indicator_county') }}
