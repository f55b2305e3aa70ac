select
    release_id,
    release_name,
    school_year,
    author,
    reason,
    as_of_date,
    figures,
    content_sha256
from {{ ref('col_official_release') }}
