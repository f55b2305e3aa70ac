with campus as (
    {{ current_rows('campus_facility', [
        'school_code', 'period', 'snapshot_date', 'campus_no', 'campus_name', 'land_area_m2', 'building_area_m2',
        'teaching_area_m2', 'indoor_sports_area_m2', 'sports_ground_area_m2', 'equipment_value_yuan',
        'multimedia_classrooms', 'classrooms', 'books', 'dilapidated_area_m2', 'music_rooms', 'art_rooms',
        'outdoor_play_area_m2', 'activity_room_area_m2', 'places_preschool', 'places_primary', 'places_junior',
        'places_senior', 'places_vocational'
    ]) }}
)

select
    school.school_id,
    campus.campus_no,
    campus.period as school_year,
    campus.snapshot_date,
    campus.campus_name,
    campus.land_area_m2,
    campus.building_area_m2,
    campus.teaching_area_m2,
    campus.indoor_sports_area_m2,
    campus.sports_ground_area_m2,
    campus.equipment_value_yuan,
    campus.multimedia_classrooms,
    campus.classrooms,
    campus.books,
    campus.dilapidated_area_m2,
    campus.music_rooms,
    campus.art_rooms,
    campus.outdoor_play_area_m2,
    campus.activity_room_area_m2,
    campus.places_preschool,
    campus.places_primary,
    campus.places_junior,
    campus.places_senior,
    campus.places_vocational
from campus
inner join {{ ref('map_school_code') }} as school on school.school_code = campus.school_code
