"""Customer performance: how the company performs for its customers, in outcomes that they care about.

Cards C01 to C07.
"""

from helpers.kpis.customer_performance.cards import (
    content_appreciation,
    delivered_value,
    first_contact_resolution,
    flexible_options,
    receivables_overdue,
    sprint_on_time,
    support_cost_per_customer,
    turbo_estimate,
)
from helpers.kpis.customer_performance.tables import (
    DELIVERY,
    commitments,
    content_items,
    cpi_register,
    estimate_curve,
    late_estimates,
    options_offered,
    outcomes,
    overdue_customers,
    topics,
    value_by_customer,
    value_statements,
)
from helpers.kpis.customer_performance.validity import Validity, validity
