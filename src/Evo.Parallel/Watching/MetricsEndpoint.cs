using System.Net;
using System.Net.Sockets;
using System.Text;
using Evo.Core;

namespace Evo.Parallel;

/// <summary>
/// Answers <c>GET /metrics</c> with the figures of the last step, for a Prometheus server. It is answered on a thread of its own from a
/// text that is made once a step: whoever asks, and however often, holds up no step.
/// </summary>
internal sealed class MetricsEndpoint : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly string job;
    private readonly TcpListener listener;
    private volatile string text;

    /// <summary>Begins to answer.</summary>
    /// <param name="config">Where.</param>
    /// <param name="job">The run's name.</param>
    /// <exception cref="TrainingException">The port is taken, or the address is not of this host.</exception>
    internal MetricsEndpoint(PrometheusConfig config, string job)
    {
        this.job = job;
        text = Prometheus.text(job, 0, []);
        listener = new(IPAddress.Parse(config.Address), config.Port);
        try
        {
            listener.Start();
        }
        catch (SocketException error)
        {
            throw new TrainingException(
                $"monitor.prometheus: {config.Address}:{config.Port} cannot be listened at: {error.Message}. Give another port, or 0 for none.");
        }

        _ = Answer();
    }

    /// <summary>Shows the figures of a step from now on.</summary>
    internal void Show(StepReport report) =>
        text = Prometheus.text(job, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000.0, report.Metrics);

    /// <inheritdoc/>
    public void Dispose() => listener.Dispose();

    private async Task Answer()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync().ConfigureAwait(false);
                _ = Answer(client);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Closed.
        }
    }

    private async Task Answer(TcpClient client)
    {
        using var closing = client;
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
            var request = await reader.ReadLineAsync(limit.Token).ConfigureAwait(false);
            while (await reader.ReadLineAsync(limit.Token).ConfigureAwait(false) is { Length: > 0 })
            {
                // Headers say nothing that matters here.
            }

            var (status, body) = request?.Split(' ') is ["GET" or "HEAD", "/metrics", ..] ? ("200 OK", text) : ("404 Not Found", "the figures are at /metrics\n");
            var bytes = Encoding.UTF8.GetBytes(body);
            var head = $"HTTP/1.1 {status}\r\nContent-Type: {Prometheus.contentType}\r\nContent-Length: {bytes.Length}\r\nConnection: close\r\n\r\n";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head), limit.Token).ConfigureAwait(false);
            if (request?.StartsWith("HEAD", StringComparison.Ordinal) != true)
            {
                await stream.WriteAsync(bytes, limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or SocketException)
        {
            // Whoever asked has gone.
        }
    }
}
