using System.Text.Json;
using Evo.Core;

namespace Evo.Parallel;

/// <summary>An alert as it is sent.</summary>
/// <param name="JobName">The run.</param>
/// <param name="Kind">What a program tells it from others by: failure, not_finite, spike, stall, goes_on.</param>
/// <param name="Step">The step that it is about.</param>
/// <param name="Text">One line for a person.</param>
/// <param name="Host">The machine that it comes from.</param>
/// <param name="Time">When it happened.</param>
public sealed record AlertMessage(string JobName, string Kind, long Step, string Text, string Host, DateTimeOffset Time)
{
    /// <summary>An alert of a run, now and here.</summary>
    public static AlertMessage Of(string jobName, Alert alert) =>
        new(jobName, alert.Kind, alert.Step, alert.Text, Environment.MachineName, DateTimeOffset.UtcNow);
}

/// <summary>Who receives alerts, and in which words.</summary>
/// <param name="Address">Where to post.</param>
public abstract record AlertHook(Uri Address)
{
    /// <summary>What is posted, as JSON.</summary>
    public abstract string Body(AlertMessage message);

    /// <summary>The hooks that a configuration names.</summary>
    public static IReadOnlyList<AlertHook> Of(AlertConfig config)
    {
        var hooks = new List<AlertHook>();
        if (config.WebhookAddress is { } address)
        {
            hooks.Add(new JsonHook(new Uri(address)));
        }

        if (config.EnableFeishuAlert && config.FeishuAlertAddress is { } robot)
        {
            hooks.Add(new FeishuHook(new Uri(robot)));
        }

        return hooks;
    }
}

/// <summary>A hook that takes the alert as one JSON object.</summary>
public sealed record JsonHook(Uri Address) : AlertHook(Address)
{
    /// <inheritdoc/>
    public override string Body(AlertMessage message) => JsonSerializer.Serialize(new
    {
        job_name = message.JobName,
        kind = message.Kind,
        step = message.Step,
        text = message.Text,
        host = message.Host,
        time = message.Time.ToString("O"),
    });
}

/// <summary>A robot of Feishu, which takes a post with a title and lines of text.</summary>
public sealed record FeishuHook(Uri Address) : AlertHook(Address)
{
    /// <inheritdoc/>
    public override string Body(AlertMessage message) => JsonSerializer.Serialize(new
    {
        msg_type = "post",
        content = new
        {
            post = new
            {
                zh_cn = new
                {
                    title = message.JobName,
                    content = new[] { new[] { new { tag = "text", text = $"{message.Text} ({message.Host})" } } },
                },
            },
        },
    });
}
