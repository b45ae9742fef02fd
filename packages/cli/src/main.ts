console.log(JSON.stringify(process.argv.slice(2))); console.error("err"); process.exit(Number(process.argv[2] ?? 0));
