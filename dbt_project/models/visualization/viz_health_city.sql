{{ public_city_indicators('viz_health_county') }}
