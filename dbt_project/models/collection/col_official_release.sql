select
    release_id,
    release_name,
    school_year,
    author,
    reason,
    as_of_date,
    figures,
    content_sha256,
    recorded_at
from {{ source('runs', 'official_release') }}
where {{ is_recorded('recorded_at') }}
