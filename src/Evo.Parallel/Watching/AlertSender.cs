using System.Net;
using System.Text;
using System.Threading.Channels;

namespace Evo.Parallel;

/// <summary>
/// Sends alerts to web hooks from a thread of its own: whoever gives it one goes on at once, whatever the network does. Each try has a
/// time limit, and a hook that does not answer well is tried again after growing pauses.
/// </summary>
public sealed class AlertSender : IDisposable
{
    // More than these waiting are a flood that helps nobody.
    private const int MostWaiting = 64;

    private readonly IReadOnlyList<AlertHook> hooks;
    private readonly AlertPatience patience;
    private readonly Action<string> undelivered;
    private readonly HttpClient http = new() { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Channel<AlertMessage> waiting = Channel.CreateBounded<AlertMessage>(MostWaiting);
    private readonly CancellationTokenSource end = new();
    private readonly Task sending;

    /// <summary>Begins to wait for alerts.</summary>
    /// <param name="hooks">Who receives each of them.</param>
    /// <param name="undelivered">Told, on the sender's thread, of an alert that a hook did not take, and why.</param>
    /// <param name="patience">How long and how often it tries; the usual unless given.</param>
    public AlertSender(IReadOnlyList<AlertHook> hooks, Action<string> undelivered, AlertPatience? patience = null)
    {
        (this.hooks, this.undelivered, this.patience) = (hooks, undelivered, patience ?? new AlertPatience());
        sending = Task.Run(SendAll);
    }

    /// <summary>Gives an alert to the sender; never waits.</summary>
    public void Send(AlertMessage message)
    {
        if (!waiting.Writer.TryWrite(message))
        {
            undelivered($"{message.Kind}: {MostWaiting} alerts are waiting already");
        }
    }

    /// <summary>Waits until everything is sent, at most as long as the patience says, and gives up on the rest.</summary>
    public void Dispose()
    {
        waiting.Writer.TryComplete();
        if (!sending.Wait(patience.AtEnd))
        {
            end.Cancel();
            sending.Wait(patience.Try);
        }

        http.Dispose();
    }

    private async Task SendAll()
    {
        await foreach (var message in waiting.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            foreach (var hook in hooks)
            {
                if (await Deliver(hook, message).ConfigureAwait(false) is { } reason)
                {
                    undelivered($"{message.Kind} to {hook.Address.Host}: {reason}");
                }
            }
        }
    }

    // Null when the hook has it, else why not.
    private async Task<string?> Deliver(AlertHook hook, AlertMessage message)
    {
        var reason = "";
        for (var attempt = 0; attempt < patience.Tries && !end.IsCancellationRequested; attempt++)
        {
            try
            {
                if (attempt > 0)
                {
                    await Task.Delay(patience.FirstPause * (1 << (attempt - 1)), end.Token).ConfigureAwait(false);
                }

                using var limit = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
                limit.CancelAfter(patience.Try);
                using var body = new StringContent(hook.Body(message), Encoding.UTF8, "application/json");
                using var answer = await http.PostAsync(hook.Address, body, limit.Token).ConfigureAwait(false);
                if (answer.IsSuccessStatusCode)
                {
                    return null;
                }

                reason = $"it answered {(int)answer.StatusCode}";
                if ((int)answer.StatusCode < 500 && answer.StatusCode is not (HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests))
                {
                    return reason; // it will not like the same words better later
                }
            }
            catch (OperationCanceledException)
            {
                reason = end.IsCancellationRequested ? "the run has ended" : $"no answer within {patience.Try.TotalSeconds:0.#} s";
            }
            catch (HttpRequestException error)
            {
                reason = error.Message;
            }
        }

        return reason;
    }
}

/// <summary>How long and how often an alert is tried.</summary>
public sealed record AlertPatience
{
    /// <summary>Time for one try.</summary>
    public TimeSpan Try { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Tries for one alert and hook.</summary>
    public int Tries { get; init; } = 4;

    /// <summary>Pause before the second try; each later one is twice as long.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the end of a run waits for what is still to be sent.</summary>
    public TimeSpan AtEnd { get; init; } = TimeSpan.FromSeconds(15);
}
