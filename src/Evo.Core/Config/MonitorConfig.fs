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

/// `monitor`: what watches a run while nobody does.
type MonitorConfig =
    {
        [<Key("Who hears of it when a run fails, stalls, has a spike in its loss or a gradient that is not finite.")>]
        Alert: AlertConfig
    }
