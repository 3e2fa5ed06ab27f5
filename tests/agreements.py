"""A small agreement of our own, for tests that need one."""


def make_text(title: str = "联网服务协议", last: str = "双方协商解决争议。") -> bytes:
    return f"""{title}
为明确权利义务，某参与机构（甲方）和某登记机构（乙方）达成本协议。
一、总则
第一条 平台由乙方建设。
第二条 甲方通过平台办
理业务。
二、其他
第三条 {last}
""".encode()
