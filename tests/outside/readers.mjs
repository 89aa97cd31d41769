// Reads the mails named on standard input, one path a line, with postal-mime, and prints what it makes of each as a line of JSON.
import { readFileSync } from "node:fs";
import PostalMime from "postal-mime";

for (const path of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    let read = null;
    try {
        const mail = await new PostalMime().parse(readFileSync(path));
        const sender = mail.from?.address ? mail.from : mail.from?.group?.[0];
        read = {
            subject: mail.subject ?? "", name: sender?.name ?? "", address: sender?.address ?? "", text: mail.text ?? "",
            html: mail.html ?? "", files: mail.attachments.map((file) => file.filename ?? "").filter(Boolean),
        };
    } catch {
        // It has no opinion of this one.
    }
    console.log(JSON.stringify(read));
}
