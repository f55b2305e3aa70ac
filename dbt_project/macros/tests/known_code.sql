{# Fails where a column holds a code that its code set does not have. #}
{% test known_code(model, column_name, code_set) %}
    select distinct t.{{ column_name }}
    from {{ model }} as t
    left join {{ ref('dim_code') }} as c on c.code_set = '{{ code_set }}' and c.code = t.{{ column_name }}
    where t.{{ column_name }} is not null and c.code is null
{% endtest %}
