// Every word of the console in both languages. The page remembers which was chosen.

const TEXTS = {
  abandonRun: ["放弃本次测试", "Abandon the run"],
  actions: ["操作", "Actions"],
  address: ["地址", "Address"],
  again: ["重新推送", "Deliver again"],
  agreement: ["协议", "Agreement"],
  all: ["全部", "All"],
  answer: ["应答", "Answer"],
  article: ["条", "Article"],
  articlesFound: ["条匹配", "articles found"],
  beginCase: ["开始", "Begin"],
  beginRun: ["开始一次测试", "Begin a run"],
  calendar: ["到期日历", "What expires when"],
  cases: ["用例", "Cases"],
  certificates: ["数字证书", "Certificates"],
  choose: ["选择测试身份", "Choose a persona"],
  clearFaults: ["恢复默认", "Clear"],
  conformance: ["一致性测试", "Conformance"],
  conformanceMore: [
    "开始用例，由贵方程序完成所述事项，然后结束用例：结果依据服务器所见评定，并形成经签名的报告。",
    "Begin a case, let your client do what it says, then finish it: graded from what the server saw, with a signed report.",
  ],
  contentHash: ["内容摘要", "Content hash"],
  copied: ["已复制", "Copied"],
  copy: ["复制", "Copy"],
  deliveries: ["推送记录", "Deliveries"],
  details: ["详情", "Details"],
  digestNote: ["本文为项目自拟摘要，并非协议原文。", "This is the project's own digest, not the contract."],
  downloadKeys: ["下载密钥和证书", "Download keys and certificates"],
  droppedSockets: ["WebSocket 中断", "WebSockets that break"],
  duplicateEvents: ["重复事件", "Events delivered twice"],
  effective: ["生效日", "In force from"],
  environment: ["环境", "Environment"],
  event: ["事件", "Event"],
  events: ["事件", "Events"],
  example: ["示例", "Example"],
  faults: ["故障注入", "Faults"],
  faultsHold: ["故障已生效。", "These faults hold from now on."],
  faultsMore: [
    "对您自己的参与人按比例发生；其他参与人不受影响。应答中 extensions.prop.askedFor 注明其为所请求的故障。",
    "They befall your own participant, as often as you say, and no other. An answer says in extensions.prop.askedFor that it was asked for.",
  ],
  finishCase: ["完成本用例", "Finish the case"],
  finishRun: ["结束测试并出具报告", "Finish the run and sign its report"],
  fire: ["触发事件", "Fire an event"],
  fired: ["手动触发", "fired"],
  graphiql: ["GraphiQL", "GraphiQL"],
  headerLine: ["请求头", "Header"],
  hello: ["在此验证贵方的接入程序", "Validate your integration here"],
  helloMore: [
    "选择一个现成的身份，或自行加入：几秒内获得自己的参与人、三名操作员及证书。",
    "Take a persona that is ready, or join: in seconds you have a participant of your own, three operators and their certificates.",
  ],
  join: ["加入", "Join"],
  joined: ["已加入", "You have joined"],
  joinMore: [
    "密钥由本浏览器生成，不离开本机；服务端只收到证书申请。",
    "The keys are made in this browser and stay here; the service receives certificate requests only.",
  ],
  kind: ["种类", "Kind"],
  language: ["English", "中文"],
  late: ["超时", "late"],
  lateEvents: ["延迟事件", "Events delivered late"],
  latencyMs: ["应答延迟", "Latency"],
  loggedInAs: ["当前身份", "Logged in as"],
  logIn: ["登录", "Log in"],
  logOut: ["退出", "Log out"],
  more: ["更多", "More"],
  name: ["名称", "Name"],
  needsLogin: ["请先登录：选择一个测试身份或加入。", "Log in first: choose a persona, or join."],
  needsTenant: ["请先加入：事件与推送属于您自己的参与人。", "Join first: events and webhooks belong to a participant of your own."],
  needsTenantForFaults: ["请先加入：故障属于您自己的参与人。", "Join first: faults are set for a participant of your own."],
  noRun: ["尚未进行测试。", "There is no run yet."],
  nobody: ["未登录", "Not logged in"],
  noFaults: ["没有故障。", "No faults."],
  notAfter: ["到期", "Expires"],
  number: ["编号", "Number"],
  ocspTryLater: ["OCSP tryLater", "OCSP answers tryLater"],
  operators: ["操作员", "Operators"],
  participant: ["参与人", "Participant"],
  participants: ["参与人", "Participants"],
  permissions: ["权限", "Permissions"],
  rateLimited: ["限流 429", "Rate-limited, 429"],
  received: ["已收到", "Received"],
  receiver: ["内置接收端", "The built-in receiver"],
  receiverAnswers: ["接收端应答方式", "How it answers"],
  records: ["电子记录", "Records"],
  register: ["登记推送地址", "Register a webhook"],
  registerMore: [
    "地址栏中已填入内置接收端；密钥只显示这一次。",
    "The address of the built-in receiver is filled in; the secret is shown this once.",
  ],
  remove: ["移除", "Remove"],
  report: ["报告", "Report"],
  role: ["角色", "Role"],
  scenarios: ["场景", "Scenarios"],
  scenariosMore: [
    "在请求中加上该请求头，即得到相应结果：由真实规则作出，数据不变，签名内容不变。生产环境拒绝并记录此请求头。",
    "Send the header with a request to get the outcome: the real rules bring it about, nothing stored changes, nothing signed is touched. Production refuses the header and records it.",
  ],
  search: ["检索", "Search"],
  seenBefore: ["（重复）", "(came before)"],
  services: ["服务", "Services"],
  setFaults: ["设置", "Set"],
  shows: ["展示", "Shows"],
  start: ["开始", "Start"],
  state: ["状态", "State"],
  subject: ["对象", "Subject"],
  switchOff: ["停用", "Switch off"],
  switchOn: ["启用", "Switch on"],
  time: ["时间", "Time"],
  topics: ["事件种类（留空为全部）", "Event types (empty for all)"],
  try: ["试用", "Try"],
  unavailable: ["不可用 503", "Unavailable, 503"],
  verdict: ["验签结果", "Verdict"],
  version: ["版本", "Version"],
  webhooks: ["推送地址", "Webhooks"],
  webhookSecret: ["密钥", "Secret"],
  where: ["适用位置", "Where"],
  who: ["行为人", "Actor"],
  working: ["正在处理……", "Working..."],
};

let chosen = localStorage.getItem("prop.language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");

export const language = () => chosen;

export function choose(next) {
  chosen = next;
  localStorage.setItem("prop.language", next);
}

export function t(name) {
  const pair = TEXTS[name];
  if (!pair) throw new Error(`no text ${name}`);
  return pair[chosen === "zh" ? 0 : 1];
}

// A text that carries both languages itself, as the service's answers do.
export const either = (zh, en) => (chosen === "zh" ? zh : en) ?? en ?? zh;
