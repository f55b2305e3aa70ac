{# Fails where the columns that form a table's key are empty or stand twice. #}
{% test unique_key(model, columns) %}
    select {{ columns | join(', ') }}
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1 {% for c in columns %}or {{ c }} is null {% endfor %}
{% endtest %}
