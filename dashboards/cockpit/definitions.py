"""The page of definitions: the registry of indicators, and what the other pages count."""

from __future__ import annotations

from html import escape
from typing import Any

import duckdb

from dashboards.cockpit.data import Row, read_rows

DIRECTIONS = {"up": "越高越好", "down": "越低越好", "none": "无优劣"}
FIELDS = (
    ("numerator_text", "分子"),
    ("denominator_text", "分母"),
    ("population_text", "统计范围"),
    ("exclusion_text", "不计入"),
    ("missing_text", "缺报处理"),
)
OTHERS = (
    {
        "code": "headline-schools",
        "name": "学校(机构)数",
        "分子": "本学年第一学期登记的学校和教学机构",
        "缺报处理": "以学校基本信息的报送为准",
        "依据": "教育事业统计",
    },
    {
        "code": "headline-full_time_teachers",
        "name": "专任教师数",
        "分子": "教职工类别为专任教师且在职的人员",
        "统计范围": "9月1日时点教职工名册",
        "缺报处理": "未报名册的学校不计入，不按零计",
        "依据": "教育事业统计",
    },
    {
        "code": "headline-classes",
        "name": "班级数",
        "分子": "按学籍名册有学生的班级",
        "统计范围": "9月1日时点",
        "依据": "教育事业统计",
    },
    {
        "code": "metric-classes",
        "name": "班级数(按县和学段)",
        "分子": "按学籍名册有学生的班级",
        "统计范围": "9月1日时点",
        "依据": "教育事业统计",
    },
    {
        "code": "metric-large_class_share",
        "name": "大班额比例(班级页)",
        "分子": "56人及以上的班级",
        "分母": "全部班级",
        "依据": "教育部 消除大班额专项规划",
    },
    {
        "code": "metric-oversize_class_share",
        "name": "超大班额比例(班级页)",
        "分子": "66人及以上的班级",
        "分母": "全部班级",
        "依据": "教育部 消除大班额专项规划",
    },
    {
        "code": "balanced-cv",
        "name": "校际差异系数",
        "分子": "各校指标值对全县均值的标准差(按学生数加权)",
        "分母": "全县均值(按学生数加权)",
        "统计范围": "县级评估单位的小学、初中，分七项资源配置指标；开发区随所在县(市、区)",
        "缺报处理": "未报设施的学校不计入该项，计入后再评",
        "依据": "教督〔2017〕6号 第五条：小学不超过 0.50，初中不超过 0.45",
    },
    {
        "code": "balanced-school",
        "name": "学校资源配置(第4至7项)",
        "分子": "教学及辅助用房面积(不含室内体育用房)、体育运动场馆面积、教学仪器设备值、网络多媒体教室数",
        "分母": "该学段在校生(第7项为每百名学生)；多学段学校按 1 : 1.1 等权重分摊",
        "统计范围": "义务教育学校，9月1日时点",
        "缺报处理": "未报设施的学校为缺失，不按零计",
        "依据": "教督〔2017〕6号 第四条",
    },
    {
        "code": "quality-coverage",
        "name": "报送率",
        "分子": "已接收的单位数(含迟报)",
        "分母": "按报送日历应报的单位数",
        "缺报处理": "暂扣、退回、未报均不算已报",
        "依据": "荆州市教育数据报送日历",
    },
    {
        "code": "quality-completeness",
        "name": "完整性",
        "分子": "已报且必填项齐全的数量",
        "分母": "应报数量",
        "依据": "GB/T 36344-2018",
    },
    {
        "code": "quality-correctness",
        "name": "正确性",
        "分子": "通过取值检查的数量",
        "分母": "检查数量",
        "依据": "GB/T 36344-2018",
    },
    {
        "code": "quality-consistency",
        "name": "一致性",
        "分子": "与名册、上期核对一致的数量",
        "分母": "核对数量",
        "依据": "GB/T 36344-2018",
    },
    {
        "code": "quality-timeliness",
        "name": "及时性",
        "分子": "按期报送的单位数",
        "分母": "应报单位数",
        "依据": "GB/T 36344-2018",
    },
)


def definitions_body(connection: duckdb.DuckDBPyConnection) -> str:
    """Return the body of the page; every entry has the anchor that the figures link to."""
    rules = read_rows(
        connection, "select * from visualization.indicator_definition order by sort_order, indicator_code"
    )
    plan = read_rows(
        connection,
        "select plan_indicator_code, max(indicator_name) as name, max(indicator_unit) as unit, max(attribute_name) as kind, "
        "max(target_2025) filter (where division_code = '421000') as target from visualization.plan_indicator "
        "group by plan_indicator_code order by plan_indicator_code",
    )
    parts = []
    for topic in dict.fromkeys(rule["topic_name"] for rule in rules):
        entries = "".join(_registered(rule) for rule in rules if rule["topic_name"] == topic)
        parts.append(_section(topic, entries))
    parts.append(_section("其他页面的数字", "".join(_entry(str(o["code"]), str(o["name"]), o) for o in OTHERS)))
    parts.append(
        _section(
            "“十四五”规划指标",
            "".join(
                _entry(
                    f"plan-{row['plan_indicator_code']}",
                    row["name"],
                    {
                        "单位": row["unit"],
                        "属性": row["kind"],
                        "2025年目标": row["target"],
                        "来源": "市、县填报的规划指标表",
                    },
                )
                for row in plan
            ),
        )
    )
    return "\n".join(parts)


def _section(title: str, entries: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{entries}</section>"


def _registered(rule: Row) -> str:
    until = f"至 {rule['valid_to']}" if rule["valid_to"] else "起有效"
    values: dict[str, Any] = {label: rule[name] for name, label in FIELDS}
    values |= {
        "单位": f"{rule['unit']}({DIRECTIONS.get(rule['direction'], '')})",
        "小数隐藏": "少于 10 人的部分不公开" if rule["is_sensitive"] else "少于 5 人的部分不公开",
        "所在表": f"{rule['home_table']}，公开部分见 visualization"
        if rule["home_table"]
        else "没有人报送所需数据，不计算",
        "有效期": f"{rule['valid_from']} {until}",
        "依据": rule["source"],
    }
    return _entry(rule["indicator_code"], rule["indicator_name"], values)


def _entry(code: str, name: str, values: dict[str, Any]) -> str:
    shown = "".join(
        f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>"
        for key, value in values.items()
        if value not in (None, "") and key not in ("code", "name")
    )
    return f'<article class="definition" id="{escape(code)}"><h3>{escape(name)}</h3><dl>{shown}</dl></article>'
