"""The boundary guided filter: a decision map made soft at its borders, and nowhere else.

He, Sun, Tang: Guided image filtering, 2013; where it counts, Ma et al., 2022.
"""

from __future__ import annotations

import cv2
import numpy as np

from hyperfocal.compute.filters import guided_filter
from hyperfocal.frame import Grey, Weight

SIDE, SIGMA = 9, 8.0  # px, of the blur that tells how near a border is
HIGH, LOW = 0.8, 0.1  # blurred decisions beyond which a pixel counts as inside
RADIUS, EPSILON = 3, 0.1  # px, and on 0…1, of the guided filter
REACH = max(SIDE // 2, 2 * RADIUS)  # px


def softened(decision: Weight, guide: Grey) -> tuple[Weight, Weight]:
    """The decision map smoothed at its borders along the guide, and how sure it is, 0…1.

    The guide is the fused picture by the decision as it is, in grey.
    """
    blurred = cv2.GaussianBlur(decision, (SIDE, SIDE), SIGMA, borderType=cv2.BORDER_REFLECT_101)
    sure = np.abs(2 * blurred - 1)
    inside = np.where(blurred > HIGH, blurred, np.where(blurred < LOW, 1 - blurred, 0)) * sure
    smooth = guided_filter(guide, decision, radius=RADIUS, epsilon=EPSILON)
    smooth += inside * (decision - smooth)
    return smooth, sure
