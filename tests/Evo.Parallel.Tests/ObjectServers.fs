/// A small object store that speaks S3, in memory, on this machine: for tests, which want it to fail as real ones do.
module Evo.Parallel.Tests.ObjectServers

open System
open System.Collections.Concurrent
open System.IO
open System.Net
open System.Net.Sockets
open System.Security
open System.Security.Cryptography
open System.Text
open System.Threading
open System.Xml.Linq
open Amazon.Runtime
open Evo.Parallel

/// What the store does with one request instead of serving it.
type Fault =
    /// Answers 503 before it does anything.
    | Busy
    /// Ends the connection without an answer, before it does anything.
    | Dropped
    /// Does what it is asked, and ends the connection without an answer.
    | Unanswered
    /// Ends the connection in the middle of the answer's body.
    | CutShort
    /// Turns one bit of the answer's body.
    | Flipped

/// How many keys a page of a list has: few, so that lists have several.
let private pageSize = 3

/// A request as it came.
type private Request =
    {
        Method: string
        Path: string
        Query: Map<string, string>
        Headers: Map<string, string>
        Body: byte[]
    }

/// What is answered.
type private Answer =
    {
        Status: int
        Tag: string option
        Content: byte[]
        /// What is said of its length: that of the object, where a HEAD asks.
        Length: int
    }

let private plain status content =
    {
        Status = status
        Tag = None
        Content = content
        Length = content.Length
    }

let private error status (code: string) =
    plain status (Encoding.UTF8.GetBytes $"<Error><Code>{code}</Code><Message>{code}</Message></Error>")

let private xml (text: string) = plain 200 (Encoding.UTF8.GetBytes text)

let private readLine (stream: Stream) =
    let line = StringBuilder()
    let mutable next = stream.ReadByte()

    while next >= 0 && next <> int '\n' do
        if next <> int '\r' then
            line.Append(char next) |> ignore

        next <- stream.ReadByte()

    line.ToString()

/// The next request of a connection; none where it has ended.
let private readRequest (stream: Stream) =
    match (readLine stream).Split ' ' with
    | [| verb; target; _ |] ->
        let headers =
            Seq.initInfinite (fun _ -> readLine stream)
            |> Seq.takeWhile (fun line -> line <> "")
            |> Seq.map (fun line ->
                line.Split(':', 2) |> fun parts -> parts[0].ToLowerInvariant(), parts[1].Trim())
            |> Map.ofSeq

        if headers.ContainsKey "expect" then
            stream.Write("HTTP/1.1 100 Continue\r\n\r\n"B)

        let body =
            Array.zeroCreate<byte>(
                headers.TryFind "content-length" |> Option.map int |> Option.defaultValue 0
            )

        stream.ReadExactly(body.AsSpan())

        let path, query =
            target.Split('?', 2)
            |> fun parts -> parts[0], (if parts.Length > 1 then parts[1] else "")

        let pair (text: string) =
            text.Split('=', 2)
            |> Array.map Uri.UnescapeDataString
            |> fun parts -> parts[0], (if parts.Length > 1 then parts[1] else "")

        Some
            {
                Method = verb
                Path = Uri.UnescapeDataString path
                Query =
                    query.Split('&', StringSplitOptions.RemoveEmptyEntries)
                    |> Array.map pair
                    |> Map.ofArray
                Headers = headers
                Body = body
            }
    | _ -> None

let private etag (bytes: byte[]) =
    "\"" + Convert.ToHexStringLower(MD5.HashData bytes) + "\""

/// Starts to serve one bucket, named `bucket`; `fault` says for the number of a request, from 0, what goes wrong with it.
type TestServer(fault: int -> Fault option) =
    let listener = new TcpListener(IPAddress.Loopback, 0)
    let objects = ConcurrentDictionary<string, byte[]>()

    let uploads =
        ConcurrentDictionary<string, string * ConcurrentDictionary<int, byte[]>>()

    let mutable requests = -1
    let mutable parts = 0
    let mutable fault = fault

    // What a client signed must be what came, as every real store requires.
    let isSigned request =
        request.Headers.TryFind "x-amz-content-sha256" =
            Some(Convert.ToHexStringLower(SHA256.HashData request.Body))

    let list request =
        let given name =
            request.Query.TryFind name |> Option.defaultValue ""

        let prefix, delimiter, after =
            given "prefix", given "delimiter", given "continuation-token"

        let entries =
            objects.Keys
            |> Seq.filter (fun key -> key.StartsWith(prefix, StringComparison.Ordinal))
            |> Seq.map (fun key ->
                match
                    if delimiter = "" then
                        -1
                    else
                        key.IndexOf(delimiter, prefix.Length)
                with
                | -1 -> key, false
                | slash -> key.Substring(0, slash + 1), true)
            |> Seq.distinct
            |> Seq.filter (fun (key, _) -> String.CompareOrdinal(key, after) > 0)
            |> Seq.sortWith (fun (a, _) (b, _) -> String.CompareOrdinal(a, b))
            |> List.ofSeq

        let page = List.truncate pageSize entries

        let items =
            [
                for key, isPrefix in page ->
                    let key = SecurityElement.Escape key

                    if isPrefix then
                        $"<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"
                    else
                        $"<Contents><Key>{key}</Key><Size>1</Size></Contents>"
            ]
            |> String.concat ""

        let more =
            if entries.Length > pageSize then
                $"<IsTruncated>true</IsTruncated><NextContinuationToken>{SecurityElement.Escape(fst (List.last page))}</NextContinuationToken>"
            else
                "<IsTruncated>false</IsTruncated>"

        xml $"<ListBucketResult><Name>bucket</Name>{more}{items}</ListBucketResult>"

    let get request (bytes: byte[]) =
        match request.Headers.TryFind "range" with
        | None ->
            { plain 200 bytes with
                Tag = Some(etag bytes)
            }
        | Some range ->
            let ends = range.Substring("bytes=".Length).Split '-' |> Array.map int

            { plain 206 bytes[ends[0] .. min ends[1] (bytes.Length - 1)] with
                Tag = Some(etag bytes)
            }

    let put request (keep: byte[] -> unit) =
        if isSigned request then
            keep request.Body

            { plain 200 [||] with
                Tag = Some(etag request.Body)
            }
        else
            error 400 "XAmzContentSHA256Mismatch"

    let complete request id key =
        let wanted =
            [
                for element in XDocument.Parse(Encoding.UTF8.GetString request.Body).Descendants() do
                    if element.Name.LocalName = "PartNumber" then
                        int element.Value
            ]

        match uploads.TryRemove(id: string) with
        | true, (_, had) -> objects[key] <- Array.concat [ for number in wanted -> had[number] ]
        | _ -> ()

        // Where it was done already, by a request whose answer was lost, the object is there.
        match objects.TryGetValue key with
        | true, bytes ->
            xml
                $"<CompleteMultipartUploadResult><Key>{key}</Key><ETag>{etag bytes}</ETag></CompleteMultipartUploadResult>"
        | _ -> error 404 "NoSuchUpload"

    let serve request =
        let bucket, key =
            request.Path.TrimStart('/').Split('/', 2)
            |> fun parts -> parts[0], (if parts.Length > 1 then parts[1] else "")

        match request.Method, request.Query.TryFind "uploadId" with
        | _ when bucket <> "bucket" -> error 404 "NoSuchBucket"
        | "GET", _ when key = "" && request.Query.ContainsKey "uploads" ->
            let found =
                [
                    for upload in uploads ->
                        $"<Upload><Key>{fst upload.Value}</Key><UploadId>{upload.Key}</UploadId></Upload>"
                ]
                |> String.concat ""

            xml $"<ListMultipartUploadsResult>{found}</ListMultipartUploadsResult>"
        | "GET", _ when key = "" -> list request
        | "POST", None when request.Query.ContainsKey "uploads" ->
            let id = Guid.NewGuid().ToString "N"
            uploads[id] <- (key, ConcurrentDictionary())
            xml $"<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        | "PUT", Some id ->
            match uploads.TryGetValue id with
            | true, (_, into) ->
                put request (fun bytes ->
                    into[int request.Query["partNumber"]] <- bytes
                    Interlocked.Increment &parts |> ignore)
            | _ -> error 404 "NoSuchUpload"
        | "POST", Some id -> complete request id key
        | "DELETE", Some id ->
            uploads.TryRemove id |> ignore
            plain 204 [||]
        | "PUT", None -> put request (fun bytes -> objects[key] <- bytes)
        | "DELETE", None ->
            objects.TryRemove key |> ignore
            plain 204 [||]
        | ("GET" | "HEAD"), _ ->
            match objects.TryGetValue key with
            | true, bytes when request.Method = "HEAD" ->
                { plain 200 [||] with
                    Tag = Some(etag bytes)
                    Length = bytes.Length
                }
            | true, bytes -> get request bytes
            | _ when request.Method = "HEAD" -> plain 404 [||]
            | _ -> error 404 "NoSuchKey"
        | _ -> error 501 "NotImplemented"

    let write (stream: Stream) answer content =
        let tag =
            answer.Tag
            |> Option.map (fun tag -> $"ETag: {tag}\r\n")
            |> Option.defaultValue ""

        stream.Write(
            Encoding.ASCII.GetBytes
                $"HTTP/1.1 {answer.Status} It\r\nContent-Length: {answer.Length}\r\n{tag}\r\n"
        )

        stream.Write(ReadOnlySpan(content: byte[]))
        stream.Flush()

    // Whether the connection stays.
    let respond stream request =
        match fault (Interlocked.Increment &requests) with
        | Some Busy ->
            let answer = error 503 "SlowDown"
            write stream answer answer.Content
            true
        | Some Dropped -> false
        | Some Unanswered ->
            serve request |> ignore
            false
        | Some CutShort ->
            let answer = serve request
            write stream answer answer.Content[.. answer.Content.Length / 2 - 1]
            answer.Content.Length = 0
        | Some Flipped ->
            let answer = serve request
            let wrong = Array.copy answer.Content

            if wrong.Length > 0 then
                wrong[wrong.Length / 2] <- wrong[wrong.Length / 2] ^^^ 4uy

            write stream answer wrong
            true
        | None ->
            let answer = serve request
            write stream answer answer.Content
            true

    let converse (client: TcpClient) =
        use closing = client

        try
            use stream = new BufferedStream(client.GetStream())
            let mutable stays = true

            while stays do
                stays <- readRequest stream |> Option.exists (respond stream)
        with
        | :? IOException
        | :? ObjectDisposedException -> ()

    let accept () =
        try
            while true do
                let client = listener.AcceptTcpClient()
                Thread((fun () -> converse client), IsBackground = true).Start()
        with
        | :? InvalidOperationException // stopped between two clients
        | :? SocketException
        | :? ObjectDisposedException -> ()

    do
        listener.Start()
        Thread(accept, IsBackground = true).Start()

    new() = new TestServer(fun _ -> None)

    member _.Endpoint = $"http://{listener.LocalEndpoint}"

    /// How a client reaches it.
    member server.Settings =
        ObjectServer(server.Endpoint, BasicAWSCredentials("key", "secret"))

    /// The same for a client that never asks twice.
    member server.Impatient =
        ObjectServer(server.Endpoint, BasicAWSCredentials("key", "secret"), Retries = 0)

    /// What it holds.
    member _.Objects = objects

    /// Puts in parts that have begun and not ended.
    member _.Uploads = uploads

    /// Requests that came so far.
    member _.Requests = requests + 1

    /// Parts of large objects that came so far.
    member _.Parts = parts

    /// From now on, by the numbers of requests from 0.
    member _.Fault
        with set value =
            requests <- -1
            fault <- value

    interface IDisposable with
        member _.Dispose() = listener.Stop()
