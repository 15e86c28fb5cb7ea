namespace Evo.Core

/// `monitor.alert`: who hears of it when a run fails, stalls, has a spike in its loss or a gradient that is not finite.
type AlertConfig =
    {
        [<Key("Web hook that receives every alert as a JSON object with job_name, kind, step, text, host and time. Unset: none.",
              "null",
              Rule = "an http or https address")>]
        WebhookAddress: string | null
        [<Key("Whether alerts go to the Feishu robot at feishu_alert_address.", "false")>]
        EnableFeishuAlert: bool
        [<Key("Web hook of a Feishu robot.", "null", Rule = "an http or https address")>]
        FeishuAlertAddress: string | null
        [<Key("A loss above so many times the one of the step before is a spike.", "1.5", Minimum = 1.0)>]
        SpikeRatio: float
        [<Key("Seconds without the end of a step that are a stall.", "300", Minimum = 0.0, Exclusive = true)>]
        StallSeconds: float
    }

/// `monitor.prometheus`: where a Prometheus server may ask for the figures of the last step.
type PrometheusConfig =
    {
        [<Key("Port at which /metrics is answered, on the host of the first rank; 0: none.",
              "0",
              Minimum = 0.0,
              Maximum = 65535.0)>]
        Port: int
        [<Key("Address to listen at: 127.0.0.1 for this host only, 0.0.0.0 for whoever reaches it.",
              "\"127.0.0.1\"")>]
        Address: string
    }

/// `monitor`: what watches a run while nobody does.
type MonitorConfig =
    {
        [<Key("Who hears of it when a run fails, stalls, has a spike in its loss or a gradient that is not finite.")>]
        Alert: AlertConfig
        [<Key("Where a Prometheus server may ask for the figures of the last step.")>]
        Prometheus: PrometheusConfig
    }
